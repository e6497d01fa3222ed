"""
The people who watch: who may do what, and what they do.

    held_keys pure: keys that a viewer holds down (fingers: `control.pointers`)
    rate      pure: how many messages a viewer may send
    viewer    one viewer: its messages in, the streamer's messages out
    registry  all viewers: the limit, who controls, what everybody is told
"""
