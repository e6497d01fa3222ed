"""RFC 7741 payloads, byte by byte."""

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.rtp.errors import PacketizationError
from cloudphone_streamer.rtp.vp8 import packetize

FRAME = bytes.fromhex("9d012a4001")


def test_a_frame_that_fits_is_one_payload() -> None:
    assert packetize([FRAME], 100) == [
        bytes.fromhex(
            "10"  # X 0, N 0, S 1, PID 0
            "9d012a4001"
        )
    ]


def test_a_large_frame_is_cut_into_equal_payloads() -> None:
    assert packetize([FRAME], 3) == [
        bytes.fromhex(
            "10"  # S 1: the frame begins
            "9d01"
        ),
        bytes.fromhex(
            "00"  # S 0: it goes on
            "2a40"
        ),
        bytes.fromhex("0001"),
    ]


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(PacketizationError, match="0 bytes"):
        packetize([b""], 100)


@given(st.binary(min_size=1, max_size=5000), st.integers(2, 1200))
def test_a_receiver_reads_what_was_packetized(frame: bytes, max_payload_bytes: int) -> None:
    payloads = packetize([frame], max_payload_bytes)
    assert all(len(payload) <= max_payload_bytes for payload in payloads)
    assert len({len(payload) for payload in payloads[:-1]}) <= 1
    assert len(payloads[-1]) <= len(payloads[0])
    parsed = [VpxPayloadDescriptor.parse(payload) for payload in payloads]
    assert [bool(d.partition_start) for d, _ in parsed] == [True] + [False] * (len(parsed) - 1)
    assert b"".join(rest for _, rest in parsed) == frame
