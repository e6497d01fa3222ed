"""Trickle ICE fragments, and who restarts by them."""

import pytest

from cloudphone_streamer.webrtc.answer import LocalTransport
from cloudphone_streamer.webrtc.errors import MalformedFragment
from cloudphone_streamer.webrtc.fragment import build_fragment, restart_of
from cloudphone_streamer.webrtc.ice_lite import Credentials
from cloudphone_streamer.webrtc.offer import parse_offer
from tests.unit.streamer_webrtc.offers import CHROMIUM, video_only

RESTART = (
    "a=ice-options:trickle ice2\r\n"
    "a=group:BUNDLE 0 1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "a=mid:0\r\n"
    "a=ice-ufrag:ysXw\r\n"
    "a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag ysXw\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    "a=mid:1\r\n"
    "a=ice-ufrag:ysXw\r\n"
    "a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"
)
TRANSPORT = LocalTransport(
    credentials=Credentials(user_fragment="localufrag12", password="localpassword0123456789a"),
    fingerprint="sha-256 CD:EF",
    addresses=["203.0.113.7"],
    port=50_000,
)


def test_another_user_fragment_is_a_restart() -> None:
    assert restart_of(RESTART, "EsAw") == Credentials(
        user_fragment="ysXw", password="vw5LmwG4y/e6dPP/zAP9Gp5k"
    )


def test_the_present_user_fragment_brings_only_candidates() -> None:
    assert restart_of(RESTART, "ysXw") is None
    assert restart_of("a=ice-ufrag:ysXw\r\na=candidate:x\r\n", "ysXw") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "a=ice-ufrag is absent", id="nothing"),
        pytest.param("a=ice-ufrag:abcd\n", "a=ice-pwd is absent", id="a restart without password"),
        pytest.param(
            "a=ice-ufrag:a b\na=ice-pwd:" + "p" * 22, "a=ice-ufrag", id="no ICE character"
        ),
        pytest.param("a=ice-ufrag:abcd\na=ice-ufrag:efgh\n", "has 2 values", id="two user names"),
        pytest.param("a=x\n" * 5000, "expected at most 16384", id="too long"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedFragment, match=problem):
        restart_of(text, "EsAw")


def test_our_part_of_a_restart() -> None:
    assert build_fragment(parse_offer(CHROMIUM), TRANSPORT).split("\r\n") == [
        "a=ice-lite",
        "a=group:BUNDLE 0 1 2",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:0",
        "a=ice-ufrag:localufrag12",
        "a=ice-pwd:localpassword0123456789a",
        "a=candidate:udp0 1 udp 2130706431 203.0.113.7 50000 typ host",
        "a=candidate:tcp0 1 tcp 1520435199 203.0.113.7 50000 typ host tcptype passive",
        "a=end-of-candidates",
        "",
    ]


def test_without_a_bundle_the_video_has_the_credentials() -> None:
    offer = parse_offer(video_only())
    lines = build_fragment(offer, TRANSPORT).split("\r\n")
    assert f"a=mid:{offer.video_mid}" in lines
    assert not [line for line in lines if line.startswith("a=group")]
