"""
Capture by scrcpy's server, version 3.3.4: one process on the phone, two sockets to it.

    capture    the life of it: connect, run, fail, connect again
    server     one run of the server on the phone
    jar        the server's file, and how it gets to the phone
    options    pure: the command that starts it
    video      pure: the video socket
    failures   pure: what errors mean to people
"""
