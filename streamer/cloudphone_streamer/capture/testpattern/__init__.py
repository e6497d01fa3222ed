"""
A built-in moving picture that answers to touch: the first look without a phone.

    capture      the thread that draws and encodes
    picture      pure: what is drawn
    clock_strip  pure: the time, readable by machines
    encoder      H.264 by x264
"""
