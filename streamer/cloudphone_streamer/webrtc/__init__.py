"""
WebRTC without a peer connection: its parts, composed for one server with many viewers.

    server          one UDP port, all viewers; the entry
    connection      one viewer: ICE, then DTLS, then SRTP and data channels
    udp_mux         datagrams to viewers, by ICE user name, then by remote address
    udp_socket      sockets, and segmentation offload
    ice_lite        RFC 8445 for an agent at a known address; pure
    offer, answer   SDP; pure
    dtls            DTLS and its SRTP keys, by aiortc
    srtp            protection in place, by libsrtp
    sctp            data channels, by aiortc, behind `sctp_guard`

Private names of aiortc and pylibsrtp are used in `dtls`, `sctp` and `srtp` only.
"""
