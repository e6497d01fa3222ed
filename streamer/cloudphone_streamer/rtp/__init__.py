"""
RTP: pictures become packets once, and every viewer is a position in one shared log of them.

`fanout` is the entry; `h264`, `vp8`, `packet`, `rtcp`, `clock`, `congestion`, `delay_trend` and
`rung_policy` are pure. Nothing here knows sockets, SRTP or an event loop: `sender` writes plain
packets into the buffer of a `PacketTransport`.
"""
