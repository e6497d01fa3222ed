"""
What follows from what was observed. Pure: no clock, no randomness, no environment, no I/O.

A chain of steps, each of which answers one question and passes a value on:

    device      which phone, and can it be streamed?
    node        which node must or may the streamer be on?
    ports       which media ports does it hold there?
    children    are Secret, Service and NetworkPolicy as they should be?
    pod         is there the one right streamer pod?
    streamer    what does it say of itself?
    ending      is the session suspended, at its end or being deleted?
    conclude    conditions, phase, status and when to look again

`session` is the chain.
"""
