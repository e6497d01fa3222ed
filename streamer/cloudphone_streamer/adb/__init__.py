"""
A client of the Android Debug Bridge that talks to the phone's own daemon over TCP.

There is no ADB server process in between: streams to sockets on the phone are opened on the one
connection, so nothing is forwarded to local ports and nothing is shared with other clients.

    wire         pure: the 24-byte messages
    streams      pure: what one stream may send and has to acknowledge
    keys         the RSA key that phones know us by
    connection   asyncio: one TCP connection, many streams
    sync         pure: the file transfer protocol
    device       what callers use: connect, run a command, push a file, open a socket
    errors       what can go wrong
"""
