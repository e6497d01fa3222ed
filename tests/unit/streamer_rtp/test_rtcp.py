"""RTCP in and out, byte by byte, and nothing else than MalformedRtcp for everything else."""

import contextlib

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
    pack_remb_fci,
)
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.rtp.errors import MalformedRtcp
from cloudphone_streamer.rtp.rtcp import is_rtcp, parse_feedback, sender_report


def test_receiver_report() -> None:
    feedback = parse_feedback(
        bytes.fromhex(
            "81"
            "c9"
            "0007"  # version 2, one block; RR; 7 words
            "00000001"  # sender of this packet
            "aabbccdd"  # stream reported on
            "40"  # fraction lost: 64/256
            "fffffe"  # packets lost: -2, duplicates count
            "00012345"  # highest sequence number
            "00000384"  # jitter 900
            "11112222"  # last sender report
            "00010000"  # delay since: 1 s
        )
    )
    (report,) = feedback.reports
    assert report.ssrc == 0xAABBCCDD
    assert report.fraction_lost == 0.25
    assert report.packets_lost == -2
    assert report.jitter_ticks == 900
    assert report.last_sender_report == 0x11112222
    assert report.delay_since_sender_report == 65_536


def test_nack_names_a_packet_and_those_after_it() -> None:
    feedback = parse_feedback(
        bytes.fromhex(
            "81"
            "cd"
            "0003"  # format 1; transport feedback; 3 words
            "00000001"
            "aabbccdd"  # sender, media
            "fffe"
            "8003"  # 65534, and of the 16 after it the first, the second and the last
        )
    )
    assert feedback.nacks == [
        (0xAABBCCDD, 65534),
        (0xAABBCCDD, 65535),
        (0xAABBCCDD, 0),
        (0xAABBCCDD, 14),
    ]


def test_picture_loss_indication() -> None:
    feedback = parse_feedback(bytes.fromhex("81ce000200000001aabbccdd"))
    assert feedback.key_frames_wanted == [0xAABBCCDD]


def test_full_intra_request_names_the_stream_in_its_items() -> None:
    feedback = parse_feedback(bytes.fromhex("84ce00040000000100000000aabbccdd05000000"))
    assert feedback.key_frames_wanted == [0xAABBCCDD]


def test_receiver_estimated_bandwidth() -> None:
    packet = RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=pack_remb_fci(8_000_000, [7]))
    assert parse_feedback(bytes(packet)).bandwidth_bps == 8_000_000


def test_transport_wide_feedback_is_no_nack() -> None:
    feedback = parse_feedback(
        bytes.fromhex(
            "8f"
            "cd"
            "0005"  # format 15; transport feedback; 5 words
            "00000001"
            "aabbccdd"  # sender, media
            "0001"
            "0001"
            "000003"
            "00"  # from 1, one packet, 3 * 64 ms, first feedback
            "2001"
            "04"
            "00"  # a run of one, + 1 ms, padding to the word
        )
    )
    assert feedback.nacks == []
    assert [transport.arrivals for transport in feedback.transport] == [(772,)]


def test_a_compound_packet_with_padding_and_a_bye() -> None:
    feedback = parse_feedback(
        bytes.fromhex(
            "80"
            "c9"
            "0001"
            "00000001"  # RR without blocks
            "a1"
            "ce"
            "0003"
            "00000001"
            "aabbccdd"
            "00000004"  # PLI with 4 bytes of padding
            "81"
            "cb"
            "0001"
            "00000001"  # BYE
        )
    )
    assert feedback.key_frames_wanted == [0xAABBCCDD]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        pytest.param("", "0 bytes", id="nothing"),
        pytest.param("80c9", "ends within a header", id="half a header"),
        pytest.param("00c9000100000001", "version is 0", id="version 0"),
        pytest.param("80c9000500000001", "longer than its datagram", id="length beyond the end"),
        pytest.param("82c9000100000001", "2 blocks of 24", id="blocks that are not there"),
        pytest.param("81cd000100000001", "at least 8", id="feedback without media"),
        pytest.param("a1ce000200000001aabbccff", "padding", id="padding beyond the packet"),
        pytest.param("a1ce000200000001aabbcc00", "padding", id="padding of nothing"),
        pytest.param("84ce00030000000100000000aabbccdd", "FIR", id="half a FIR item"),
    ],
)
def test_a_malformed_packet_is_refused(packet: str, reason: str) -> None:
    with pytest.raises(MalformedRtcp, match=reason):
        parse_feedback(bytes.fromhex(packet))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(packet: bytes) -> None:
    with contextlib.suppress(MalformedRtcp):
        parse_feedback(packet)


@given(
    kind=st.sampled_from([200, 201, 203, 205, 206]),
    count=st.integers(0, 31),
    padding=st.booleans(),
    body=st.binary(max_size=80).map(lambda body: body[: len(body) // 4 * 4]),
)
def test_any_body_behind_a_right_header_is_read_or_refused(
    kind: int, count: int, padding: bool, body: bytes
) -> None:
    header = bytes([0x80 | padding << 5 | count, kind]) + (len(body) // 4).to_bytes(2, "big")
    with contextlib.suppress(MalformedRtcp):
        parse_feedback(header + body)


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=40, unique=True).map(sorted))
def test_nacks_of_an_independent_builder_are_read_back(lost: list[int]) -> None:
    packet = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=7, lost=lost)
    assert [sequence for _, sequence in parse_feedback(bytes(packet)).nacks] == lost


@pytest.mark.parametrize("cname", ["a", "ab", "abc", "abcd", "x" * 255])
def test_an_independent_parser_reads_the_sender_report(cname: str) -> None:
    packet = sender_report(
        ssrc=0xAABBCCDD,
        cname=cname,
        ntp=0x83AA7E80_80000000,
        rtp_timestamp=(1 << 32) + 5,
        packets=10,
        payload_bytes=11_800,
    )
    report, description = RtcpPacket.parse(packet)
    assert isinstance(report, RtcpSrPacket)
    assert report.ssrc == 0xAABBCCDD
    assert report.sender_info.ntp_timestamp == 0x83AA7E80_80000000
    assert report.sender_info.rtp_timestamp == 5
    assert report.sender_info.packet_count == 10
    assert report.sender_info.octet_count == 11_800
    assert isinstance(description, RtcpSdesPacket)
    assert description.chunks[0].items == [(1, cname.encode())]


def test_rtcp_is_told_from_rtp_by_its_type() -> None:
    assert is_rtcp(bytes.fromhex("80c8"))
    assert not is_rtcp(bytes.fromhex("80e6"))  # marker and payload type 102
    assert not is_rtcp(b"\x80")
