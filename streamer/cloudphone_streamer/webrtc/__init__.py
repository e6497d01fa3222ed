"""
WebRTC without a peer connection: its parts, composed for one server with many viewers.

    server          one port, all viewers; the entry
    connection      one viewer: ICE, then DTLS, then SRTP and data channels
    media_port      the port's sockets, UDP and TCP
    mux             packets to viewers, by ICE user name, then by path; pure
    udp_socket      datagrams, and segmentation offload
    tcp_listener    ICE-TCP for networks without UDP, with `framing` (RFC 4571)
    ice_lite        RFC 8445 for an agent at a known address; pure
    offer, answer, fragment   SDP; pure
    dtls            DTLS and its SRTP keys, by aiortc
    srtp            protection in place, by libsrtp
    sctp            data channels, by aiortc, behind `sctp_guard`

Private names of aiortc and pylibsrtp are used in `dtls`, `sctp` and `srtp` only.
"""
