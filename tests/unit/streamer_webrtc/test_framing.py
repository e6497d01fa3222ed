"""Lengths in front of packets, in whatever pieces a stream brings them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.webrtc.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLong, framed


def test_each_packet_stands_behind_its_length() -> None:
    assert framed(b"aaabbbc", 3) == bytes.fromhex(
        "0003 616161"  # length 3, "aaa"
        "0003 626262"
        "0001 63"  # the last may be shorter
    )


def test_a_stream_is_cut_where_its_packets_end() -> None:
    reader = FrameReader()
    assert list(reader.feed(bytes.fromhex("0003 6161"))) == []
    assert list(reader.feed(bytes.fromhex("61 0000 0001 62 00"))) == [b"aaa", b"b"]
    assert list(reader.feed(bytes.fromhex("01 63"))) == [b"c"]


def test_a_frame_that_is_too_long_ends_the_stream_after_those_before_it() -> None:
    reader = FrameReader()
    packets = reader.feed(bytes.fromhex("0001 61") + (MAX_FRAME_BYTES + 1).to_bytes(2, "big"))
    assert next(packets) == b"a"
    with pytest.raises(FrameTooLong, match="a frame of 2049 bytes; expected at most 2048"):
        next(packets)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.data())
def test_any_pieces_of_a_stream_give_the_same_packets(
    packets: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(bytes(framed(packet, len(packet))) for packet in packets)
    reader = FrameReader()
    found: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == packets
