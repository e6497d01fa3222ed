"""
Shared transcodes: the phone's picture decoded once, and encoded once a rung that is watched.

    rungs       the ladder: sizes, rates and codecs; pure
    decoder     H.264 into frames
    encoder     frames into H.264 (x264) or VP8 (libvpx)
    transcoder  the threads; the entry, used by `rtp.fanout`

Nothing runs, and no codec is opened, while every viewer gets the phone's own stream.
"""
