"""What is kept from the SCTP stack."""

import contextlib

import pytest
from aiortc.rtcsctptransport import (
    DataChunk,
    HeartbeatChunk,
    InitChunk,
    SackChunk,
    parse_packet,
    serialize_packet,
)
from google_crc32c import value as crc32c
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.webrtc.sctp_guard import MAX_GAP_TSNS, MalformedSctp, check_sctp_packet

HEADER = bytes.fromhex("138813880000000100000000")  # ports, tag, checksum


def genuine() -> list[bytes]:
    init = InitChunk()
    init.params = [(0xC000, b""), (0x8008, b"\xc0\x82\x00")]
    data = DataChunk(flags=3)
    data.user_data = b"hello"
    sack = SackChunk()
    sack.gaps = [(2, 3), (5, 9)]
    sack.duplicates = [7]
    heartbeat = HeartbeatChunk()
    heartbeat.params = [(1, b"12345")]
    return [serialize_packet(5000, 5000, 1, chunk) for chunk in (init, data, sack, heartbeat)]


@pytest.mark.parametrize("packet", genuine(), ids=["INIT", "DATA", "SACK", "HEARTBEAT"])
def test_genuine_packets_pass(packet: bytes) -> None:
    check_sctp_packet(packet)


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        pytest.param("", "at least 16", id="no chunk"),
        pytest.param("00000003", "length 3", id="a chunk shorter than its header"),
        pytest.param("00000020", "length 32", id="a chunk longer than the packet"),
        pytest.param("0400000800010000", "length 0", id="a parameter of length 0"),
        pytest.param("0100000800000001", "fixed part", id="half an INIT"),
        pytest.param("0300000800000001", "SACK", id="half a SACK"),
        pytest.param("03000010000000010000100000010000", "no room", id="gaps that are not there"),
        pytest.param("0300001400000001000010000001000000050002", "ends before", id="gap backwards"),
        pytest.param("030000140000000100001000000100000001ffff", "65535", id="a gap of everything"),
    ],
)
def test_a_packet_that_would_stall_the_stack_is_refused(chunks: str, reason: str) -> None:
    with pytest.raises(MalformedSctp, match=reason):
        check_sctp_packet(HEADER + bytes.fromhex(chunks))


def test_gaps_are_limited_in_sum() -> None:
    sack = SackChunk()
    sack.gaps = [(1, MAX_GAP_TSNS // 2), (MAX_GAP_TSNS, MAX_GAP_TSNS + MAX_GAP_TSNS // 2)]
    with pytest.raises(MalformedSctp, match="expected at most"):
        check_sctp_packet(serialize_packet(5000, 5000, 1, sack))


@given(
    kind=st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 9, 130, 192]),
    body=st.binary(max_size=60),
)
def test_what_passes_is_parsed_by_the_stack_without_looping(kind: int, body: bytes) -> None:
    chunk = bytes([kind, 0]) + (len(body) + 4).to_bytes(2, "big") + body
    packet = HEADER + chunk
    packet = packet[:8] + crc32c(packet).to_bytes(4, "little") + packet[12:]
    try:
        check_sctp_packet(packet)
    except MalformedSctp:
        return
    # Any exception ends this viewer at most; a loop would end the process.
    with contextlib.suppress(Exception):
        parse_packet(packet)
