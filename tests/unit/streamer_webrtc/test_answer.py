"""The answer, line by line."""

from aiortc.sdp import SessionDescription

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.rtp.sender import VideoParameters
from cloudphone_streamer.webrtc.answer import LocalTransport, build_answer
from cloudphone_streamer.webrtc.ice_lite import Credentials
from cloudphone_streamer.webrtc.offer import parse_offer
from tests.unit.streamer_webrtc.offers import CHROMIUM, video_only

TRANSPORT = LocalTransport(
    credentials=Credentials(user_fragment="localufrag12", password="localpassword0123456789a"),
    fingerprint="sha-256 CD:EF",
    addresses=["203.0.113.7", "2001:db8::7"],
    port=50_000,
)


def answer(sdp: str, codec: VideoCodec = VideoCodec.H264) -> str:
    offer = parse_offer(sdp, [codec])
    return build_answer(
        offer,
        TRANSPORT,
        VideoParameters(
            mid=offer.video_mid,
            payload_type=offer.video.payload_type,
            rtx_payload_type=offer.video.rtx_payload_type,
            extensions=offer.video.extensions,
            ssrc=11,
            rtx_ssrc=22,
            cname="cname",
        ),
    )


def test_vp8_is_named_where_it_was_chosen() -> None:
    lines = answer(CHROMIUM, VideoCodec.VP8).split("\r\n")
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97" in lines
    assert "a=rtpmap:96 VP8/90000" in lines
    assert "a=fmtp:97 apt=96" in lines
    assert not [line for line in lines if "H264" in line]


def test_answer_to_chromium() -> None:
    assert answer(CHROMIUM).split("\r\n") == [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0 1 2",
        "a=msid-semantic:WMS cloudphone",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=inactive",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=ice-ufrag:localufrag12",
        "a=ice-pwd:localpassword0123456789a",
        "a=fingerprint:sha-256 CD:EF",
        "a=setup:passive",
        "a=candidate:udp0 1 udp 2130706431 203.0.113.7 50000 typ host",
        "a=candidate:udp1 1 udp 2130706175 2001:db8::7 50000 typ host",
        "a=candidate:tcp0 1 tcp 1520435199 203.0.113.7 50000 typ host tcptype passive",
        "a=candidate:tcp1 1 tcp 1520434943 2001:db8::7 50000 typ host tcptype passive",
        "a=end-of-candidates",
        "m=video 9 UDP/TLS/RTP/SAVPF 127 125",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=sendonly",
        "a=rtcp-mux",
        "a=msid:cloudphone video",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "a=rtpmap:127 H264/90000",
        "a=fmtp:127 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtcp-fb:127 nack",
        "a=rtcp-fb:127 nack pli",
        "a=rtcp-fb:127 ccm fir",
        "a=rtcp-fb:127 goog-remb",
        "a=rtcp-fb:127 transport-cc",
        "a=rtpmap:125 rtx/90000",
        "a=fmtp:125 apt=127",
        "a=ssrc-group:FID 11 22",
        "a=ssrc:11 cname:cname",
        "a=ssrc:22 cname:cname",
        "a=ice-ufrag:localufrag12",
        "a=ice-pwd:localpassword0123456789a",
        "a=fingerprint:sha-256 CD:EF",
        "a=setup:passive",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:2",
        "a=sctp-port:5000",
        "a=max-message-size:65536",
        "a=ice-ufrag:localufrag12",
        "a=ice-pwd:localpassword0123456789a",
        "a=fingerprint:sha-256 CD:EF",
        "a=setup:passive",
        "",
    ]


def test_a_rejected_section_has_port_zero_and_is_in_no_bundle() -> None:
    lines = answer(CHROMIUM.replace("BUNDLE 0 1 2", "BUNDLE 0 1")).split("\r\n")
    assert "a=group:BUNDLE 0 1" in lines
    rejected = lines.index("m=application 0 UDP/DTLS/SCTP webrtc-datachannel")
    assert lines[rejected:] == [
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:2",
        "",
    ]


def test_without_a_bundle_the_video_names_the_candidates() -> None:
    text = answer(video_only())
    assert "a=group" not in text
    assert text.count("a=candidate:") == 4
    assert "rtx" not in text
    assert "a=ssrc-group" not in text


def test_an_independent_parser_reads_the_answer() -> None:
    description = SessionDescription.parse(answer(CHROMIUM))
    assert [media.kind for media in description.media] == ["audio", "video", "application"]
    video = description.media[1]
    assert video.direction == "sendonly"
    assert video.ice is not None
    assert video.ice.iceLite
    assert video.dtls is not None
    assert video.dtls.role == "server"
    candidates = description.media[0].ice_candidates
    assert [(one.protocol, one.ip, one.tcpType) for one in candidates] == [
        ("udp", "203.0.113.7", None),
        ("udp", "2001:db8::7", None),
        ("tcp", "203.0.113.7", "passive"),
        ("tcp", "2001:db8::7", "passive"),
    ]
