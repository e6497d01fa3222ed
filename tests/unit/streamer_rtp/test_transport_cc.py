"""Transport-wide feedback, bit by bit."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.rtp.errors import MalformedRtcp
from cloudphone_streamer.rtp.transport_cc import parse_transport_feedback


def test_all_three_kinds_of_chunk() -> None:
    feedback = parse_transport_feedback(
        bytes.fromhex(
            "fffe"  # base sequence number 65534
            "0013"  # 19 packets
            "000002"
            "07"  # reference time 2 * 64 ms, feedback packet 7
            "2002"  # run of 2 with small deltas
            "c600"  # seven 2-bit symbols: 0 1 2 0 0 0 0 -> 00 01 10 00 00 00 00
            "a800"  # fourteen 1-bit symbols: 1 0 1 0 ..., of which ten count
            "04"
            "08"  # +1 ms, +2 ms
            "01"
            "fffe"  # +0.25 ms, then half a millisecond before that
            "00"
            "ff"  # at the same time, then + 63.75 ms
        )
    )
    assert feedback.base_sequence == 65_534
    assert feedback.count == 7
    assert feedback.arrivals == (
        516,
        524,
        None,
        525,
        523,
        None,
        None,
        None,
        None,
        523,
        None,
        778,
        *[None] * 7,
    )


def test_packets_that_all_came_one_after_another() -> None:
    feedback = parse_transport_feedback(bytes.fromhex("000100030000010020030400ff"))
    assert feedback.arrivals == (260, 260, 515)


def test_reference_time_is_signed() -> None:
    feedback = parse_transport_feedback(bytes.fromhex("00000001ffffff00200100"))
    assert feedback.arrivals == (-256,)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("00000001", "at least 8", id="half a header"),
        pytest.param("0000000100000000", "before its 1 symbols", id="no chunk"),
        pytest.param("00000001000000002001", "receive deltas", id="no delta"),
        pytest.param("0000000100000000400100", "receive deltas", id="half a large delta"),
        pytest.param("0000000100000000200000", "length 0", id="an empty run"),
    ],
)
def test_a_body_that_is_cut_short_is_refused(body: str, reason: str) -> None:
    with pytest.raises(MalformedRtcp, match=reason):
        parse_transport_feedback(bytes.fromhex(body))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(MalformedRtcp):
        feedback = parse_transport_feedback(body)
        assert len(feedback.arrivals) == int.from_bytes(body[2:4], "big")
