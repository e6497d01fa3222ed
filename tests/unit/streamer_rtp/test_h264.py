"""RFC 6184 payloads, byte by byte."""

import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.rtp.errors import PacketizationError
from cloudphone_streamer.rtp.h264 import packetize, reassemble

SPS = bytes.fromhex("6742c01f")  # NRI 3, type 7
PPS = bytes.fromhex("68ce3c80")  # NRI 3, type 8
SEI = bytes.fromhex("0605")  # NRI 0, type 6


def test_one_unit_that_fits_is_the_payload() -> None:
    assert packetize([b"\x41\x9a\x00"], 100) == [b"\x41\x9a\x00"]


def test_small_neighbours_share_one_stap_a() -> None:
    assert packetize([SEI, SPS, PPS], 100) == [
        bytes.fromhex(
            "78"  # F 0, NRI 3 (highest of the three), type 24
            "0002"
            "0605"  # size, SEI
            "0004"
            "6742c01f"  # size, SPS
            "0004"
            "68ce3c80"  # size, PPS
        )
    ]


def test_a_large_unit_is_cut_into_equal_fragments() -> None:
    nal = b"\x65" + bytes(range(1, 11))  # IDR slice, NRI 3, type 5, 10 bytes of body
    assert packetize([nal], 6) == [
        bytes.fromhex(
            "7c"  # F 0, NRI 3, type 28
            "85"  # start, type 5
            "01020304"
        ),
        bytes.fromhex("7c0505060708"),  # neither start nor end
        bytes.fromhex("7c45090a"),  # end
    ]


def test_fragments_are_balanced_and_not_a_full_one_and_a_rest() -> None:
    payloads = packetize([b"\x65" + bytes(2400)], 1180)
    assert [len(payload) for payload in payloads] == [802, 802, 802]


def test_parameter_sets_go_before_the_slice_that_is_cut() -> None:
    payloads = packetize([SPS, PPS, b"\x65" + bytes(3000)], 1180)
    assert payloads[0][0] & 0x1F == 24
    assert [payload[0] & 0x1F for payload in payloads[1:]] == [28, 28, 28]


def test_units_that_do_not_fit_together_start_another_payload() -> None:
    first, second = b"\x41" + bytes(60), b"\x41" + bytes(60)
    assert packetize([first, second], 100) == [first, second]


def test_an_empty_unit_is_refused() -> None:
    with pytest.raises(PacketizationError, match="NAL unit is 0 bytes"):
        packetize([SPS, b""], 100)


@given(
    nals=st.lists(
        st.builds(
            lambda first, body: bytes([first]) + body,
            st.sampled_from([0x41, 0x65, 0x67, 0x68, 0x06]),
            st.binary(min_size=1, max_size=5000),
        ),
        min_size=1,
        max_size=6,
    ),
    limit=st.integers(min_value=50, max_value=1500),
)
def test_an_independent_depacketizer_gets_the_units_back(nals: list[bytes], limit: int) -> None:
    payloads = packetize(nals, limit)
    assert all(len(payload) <= limit for payload in payloads)
    stream = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads)
    assert stream == b"".join(b"\0\0\0\1" + nal for nal in nals)


@given(body=st.binary(min_size=2000, max_size=60_000))
def test_only_the_last_fragment_is_shorter(body: bytes) -> None:
    sizes = [len(payload) for payload in packetize([b"\x65" + body], 1180)]
    assert len(set(sizes[:-1])) == 1
    assert sizes[-1] <= sizes[0]


@given(
    st.lists(
        st.builds(
            lambda kind, body: bytes([kind]) + body,
            st.sampled_from([0x41, 0x65, 0x67, 0x68, 0x06]),
            st.binary(max_size=300),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(3, 120),
)
def test_reassemble_undoes_packetize(nals: list[bytes], max_payload_bytes: int) -> None:
    assert list(reassemble(packetize(nals, max_payload_bytes))) == nals


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_payloads_of_any_bytes_are_reassembled_to_something(payloads: list[bytes]) -> None:
    assert isinstance(reassemble(payloads), tuple)
