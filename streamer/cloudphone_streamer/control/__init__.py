"""
What viewers do to the phone, as bytes of scrcpy's control protocol.

Pure. Who is allowed to do it is decided elsewhere.

    messages   scrcpy's control messages, byte by byte
    pointers   whose finger is whose
"""
