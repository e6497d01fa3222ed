"""
A client of the Android Debug Bridge that talks to the phone's own daemon over TCP.

There is no ADB server process in between: streams to sockets on the phone are opened on the one
connection, so nothing is forwarded to local ports and nothing is shared with other clients.

    wire         pure: the 24-byte messages
    handshake    pure: who are you, prove it, what can we both do
    flow         pure: what one stream may send and has to acknowledge
    keys         the RSA key that phones know us by
    connection   asyncio: one TCP connection
    stream       asyncio: one of the streams that share it
    reader       asyncio: a stream whose bytes are awaited
    sync         files to the phone
    shell        commands on the phone
    address      pure: `host:port`
    errors       what can go wrong
"""
