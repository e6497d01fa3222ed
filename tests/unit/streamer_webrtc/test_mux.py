"""Whom packets are given to, and what strangers cost."""

from collections.abc import Hashable

from aioice import stun

from cloudphone_streamer.webrtc.mux import Address, Mux, Path
from cloudphone_streamer.webrtc.rate import TokenBucket


class Way:
    """A path that notes what happens to it."""

    def __init__(self, key: str) -> None:
        self.key: Hashable = key
        self.address: Address = (key, 1)
        self.events: list[str] = []

    def send(self, packet: bytes | memoryview) -> bool:
        return True

    def send_segments(self, packets: memoryview, packet_bytes: int) -> int:
        return len(packets)

    def on_validated(self) -> None:
        self.events.append("validated")

    def on_released(self) -> None:
        self.events.append("released")


class Viewer:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def handle_stun(self, packet: bytes, path: Path) -> None:
        self.heard.append("stun")

    def handle_dtls(self, packet: bytes) -> None:
        self.heard.append("dtls")

    def handle_srtp(self, packet: bytes) -> None:
        self.heard.append("srtp")

    def handle_path_lost(self, path: Path) -> None:
        self.heard.append("lost")


def message(kind: stun.Class, username: str = "mine:theirs") -> bytes:
    request = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=kind,
        attributes={"USERNAME": username} if kind == stun.Class.REQUEST else {},
    )
    request.add_message_integrity(b"p" * 22)
    return bytes(request)


REQUEST = message(stun.Class.REQUEST)
RESPONSE = message(stun.Class.RESPONSE)


def test_media_is_taken_from_validated_paths_only() -> None:
    mux, viewer, way = Mux(), Viewer(), Way("a")
    mux.register("mine", viewer)
    assert not mux.handle_other(b"\x80", 0x80, way.key)
    assert mux.handle_stun(REQUEST, way, 0.0)
    assert not mux.handle_other(b"\x80", 0x80, way.key)
    assert mux.validate(way, viewer, 0.0)
    assert mux.handle_other(b"\x80", 0x80, way.key)
    assert mux.handle_other(b"\x16", 0x16, way.key)
    assert viewer.heard == ["stun", "srtp", "dtls"]
    assert mux.stats.unknown_address == 2


def test_the_answer_to_our_own_check_is_no_strangers_packet() -> None:
    mux, viewer, way = Mux(), Viewer(), Way("a")
    assert not mux.handle_stun(RESPONSE, way, 0.0)
    mux.validate(way, viewer, 0.0)
    assert mux.handle_stun(RESPONSE, way, 0.0)
    assert mux.stats.unknown_user_fragment == 1
    assert viewer.heard == []


def test_checks_from_unknown_addresses_are_limited_and_others_are_not() -> None:
    mux, viewer, other = Mux(), Viewer(), Viewer()
    mux.register("mine", viewer)
    mux.register("yours", other)
    known = Way("known")
    mux.validate(known, viewer, 0.0)
    for number in range(150):
        mux.handle_stun(REQUEST, Way(f"{number}"), 0.0)
    assert (len(viewer.heard), mux.stats.rate_limited) == (100, 50)
    mux.handle_stun(REQUEST, known, 0.0)
    mux.handle_stun(message(stun.Class.REQUEST, "yours:x"), Way("x"), 0.0)
    assert (len(viewer.heard), len(other.heard)) == (101, 1)
    mux.handle_stun(REQUEST, Way("later"), 1.0)
    assert len(viewer.heard) == 102


def test_a_path_of_a_living_viewer_is_not_taken_over() -> None:
    mux, viewer, other, way = Mux(), Viewer(), Viewer(), Way("a")
    assert mux.validate(way, viewer, 0.0)
    assert not mux.validate(way, other, 5.0)
    assert mux.validate(way, other, 5.1)
    mux.release([way], viewer)
    assert way.events == ["validated"]
    mux.release([way], other)
    assert way.events == ["validated", "released"]


def test_a_viewer_hears_that_a_path_has_ended() -> None:
    mux, viewer, way = Mux(), Viewer(), Way("a")
    mux.validate(way, viewer, 0.0)
    mux.on_path_lost(way)
    mux.on_path_lost(way)
    assert viewer.heard == ["lost"]
    assert not mux.handle_other(b"\x80", 0x80, way.key)


def test_a_bucket_lets_a_burst_pass_and_then_so_many_a_second() -> None:
    bucket = TokenBucket(burst=2, per_s=10)
    assert [bucket.take(5.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(5.125) for _ in range(2)] == [True, False]
    assert [bucket.take(60.0) for _ in range(3)] == [True, True, False]
