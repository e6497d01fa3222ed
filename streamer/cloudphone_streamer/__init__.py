"""
Streams one Android phone to browsers: its screen as WebRTC video, touches and keys back.

A pipeline, one folder a stage:

    capture    the phone's encoded screen (scrcpy over ADB), or a built-in test picture
    bitstream  pure: NAL units, parameter sets, access units
    encode     shared transcodes for viewers who need less, or VP8; idle otherwise
    rtp        pure packing, and the fan-out of one picture to every viewer
    webrtc     ICE on one port, DTLS-SRTP, data channels
    signaling  HTTP: WHEP, tickets, the viewer page
    control    pure: viewers' messages as scrcpy control bytes
    viewers    who watches, who controls, what everybody is told
    web        the viewer page: plain ES modules, served as they are

`pipeline` runs the capture of the session document in force, `reporting` tells the operator,
`app` puts everything together, `main` is the command.
"""
