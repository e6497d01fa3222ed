"""H.264 as bytes: NAL units, parameter sets, access units."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.bitstream.assembler import AccessUnitAssembler
from cloudphone_streamer.bitstream.bits import BitReader
from cloudphone_streamer.bitstream.errors import BitstreamError
from cloudphone_streamer.bitstream.nal import (
    MAX_NALS,
    remove_emulation_prevention,
    split_annex_b,
)
from cloudphone_streamer.bitstream.sps import SequenceParameters, parse_sps

UPRIGHT = bytes.fromhex("6742c020da02d0286840000003004000001e23c60ca8")
SIDEWAYS = bytes.fromhex("6742c01fda014016e840000003004000000f23c60ca8")
PPS = bytes.fromhex("68ce3c80")
OTHER_PPS = bytes.fromhex("68ce0f2c80")
IDR = bytes.fromhex("6588840a")
SLICE = bytes.fromhex("419a2413")
SEI = bytes.fromhex("0605ff01")
DELIMITER = bytes.fromhex("09f0")
FILLER = bytes.fromhex("0cff80")


def annex_b(*nals: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


def picture(assembler: AccessUnitAssembler, *nals: bytes, pts_us: int = 0) -> AccessUnit:
    unit = assembler.feed(annex_b(*nals), pts_us=pts_us)
    assert unit is not None
    return unit


# Anything that is a NAL unit: no start code or 000000 inside, no zero at the end.
NALS = st.binary(min_size=1, max_size=60).filter(
    lambda nal: nal[-1] != 0 and b"\0\0\0" not in nal and b"\0\0\1" not in nal
)


@given(
    nals=st.lists(NALS, min_size=1, max_size=8),
    prefixes=st.lists(st.sampled_from([b"\0\0\1", b"\0\0\0\1"]), min_size=8, max_size=8),
    trailing=st.integers(0, 3),
)
def test_a_byte_stream_is_split_at_its_start_codes(
    nals: list[bytes], prefixes: list[bytes], trailing: int
) -> None:
    stream = b"".join(prefix + nal for prefix, nal in zip(prefixes, nals, strict=False))
    assert split_annex_b(stream + bytes(trailing)) == nals


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0", b"\x65\x88", b"\x65\0\0\1\x65", b"\0\0\2\0\0\1\x65"],
)
def test_a_stream_that_does_not_begin_with_a_start_code_is_refused(data: bytes) -> None:
    with pytest.raises(BitstreamError, match="expected a start code"):
        split_annex_b(data)


def test_empty_nal_units_are_left_out() -> None:
    assert split_annex_b(b"\0\0\1\0\0\1\x65\0\0\1") == [b"\x65"]


def test_a_packet_of_nothing_but_start_codes_has_a_bound() -> None:
    data = b"\0\0\1\x41" * (MAX_NALS + 1)
    with pytest.raises(BitstreamError, match=f"over {MAX_NALS} NAL units"):
        split_annex_b(data)


@pytest.mark.parametrize(
    ("nal", "payload"),
    [
        ("67 0102", "0102"),
        ("67 000003 01", "0000 01"),
        ("67 000003 000003", "0000 0000"),
        ("67 0003 03", "0003 03"),
    ],
)
def test_emulation_prevention_is_taken_out(nal: str, payload: str) -> None:
    assert remove_emulation_prevention(bytes.fromhex(nal)) == bytes.fromhex(payload)


@given(payload=st.binary(max_size=100))
@example(payload=bytes(12))
def test_emulation_prevention_round_trips(payload: bytes) -> None:
    nal = bytearray(b"\x67")
    zeros = 0
    for byte in payload:
        if zeros == 2 and byte <= 3:
            nal.append(3)
            zeros = 0
        nal.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    assert remove_emulation_prevention(bytes(nal)) == payload


@pytest.mark.parametrize(
    ("bits", "unsigned", "signed"),
    [
        ("1", 0, 0),
        ("010", 1, 1),
        ("011", 2, -1),
        ("00100", 3, 2),
        ("00101", 4, -2),
        ("0001000", 7, 4),
        ("00000001111111100", 254, -127),
    ],
)
def test_exp_golomb_numbers_are_those_of_table_9_2_and_9_3(
    bits: str, unsigned: int, signed: int
) -> None:
    data = int(bits.ljust(24, "0"), 2).to_bytes(3, "big")
    assert BitReader(data).read_unsigned() == unsigned
    assert BitReader(data).read_signed() == signed


# Written by x264.
@pytest.mark.parametrize(
    ("sps", "profile_idc", "size"),
    [
        pytest.param(UPRIGHT.hex(), 66, (720, 1280), id="baseline, whole macroblocks"),
        pytest.param(
            "6742c02ada01100f1e5e10000003001000000788f1832a",
            66,
            (1080, 1920),
            id="baseline, cropped on the right",
        ),
        pytest.param(
            "6742c02ada01e0089ea684000003000400000301e23c60ca80",
            66,
            (1918, 1078),
            id="baseline, cropped on two sides",
        ),
        pytest.param(
            "674d403ef403c0227ee1000003000100000300789f1e3ea0",
            77,
            (1920, 1080),
            id="main, interlaced",
        ),
        pytest.param(
            "6764001facb406c1ef3708000003000800000303c478c195",
            100,
            (854, 480),
            id="high, scaling matrix",
        ),
        pytest.param(
            "677a001fbcb405017fc4c2000003000200000300f11e306540",
            122,
            (640, 360),
            id="high 4:2:2",
        ),
        pytest.param(
            "67f4001f919680a02ff8b840000003004000001e23c60ca8",
            244,
            (640, 358),
            id="high 4:4:4, scaling matrix, cropped",
        ),
    ],
)
def test_an_sps_tells_profile_and_size(sps: str, profile_idc: int, size: tuple[int, int]) -> None:
    parameters = parse_sps(bytes.fromhex(sps))
    assert parameters.profile_idc == profile_idc
    assert (parameters.width_px, parameters.height_px) == size


def test_an_sps_tells_constraints_and_level() -> None:
    assert parse_sps(UPRIGHT) == SequenceParameters(
        profile_idc=66, constraint_flags=0xC0, level_idc=32, width_px=720, height_px=1280
    )


@pytest.mark.parametrize(
    ("nal", "text"),
    [
        pytest.param(b"", "NAL unit is empty", id="nothing"),
        pytest.param(PPS, "NAL unit is 68", id="a PPS"),
        pytest.param(UPRIGHT[:6], "bits early", id="cut"),
        pytest.param(b"\x67" + b"\xff" * 5000, "SPS is 5001 bytes", id="long"),
        pytest.param(bytes.fromhex("674200ff") + bytes(20), "longer than 32 bits", id="zeros"),
    ],
)
def test_what_is_no_sps_is_refused(nal: bytes, text: str) -> None:
    with pytest.raises(BitstreamError, match=text):
        parse_sps(nal)


@given(st.binary(max_size=120))
def test_an_arbitrary_sps_is_read_or_refused(data: bytes) -> None:
    try:
        parameters = parse_sps(b"\x67" + data)
    except BitstreamError:
        return
    assert 0 < parameters.width_px <= 16_384
    assert 0 < parameters.height_px <= 16_384


def test_parameter_sets_are_put_before_every_key_picture() -> None:
    assembler = AccessUnitAssembler()
    assert assembler.feed(annex_b(UPRIGHT, PPS), pts_us=0) is None
    assert assembler.feed(annex_b(IDR), pts_us=10) == AccessUnit(
        nals=(UPRIGHT, PPS, IDR), pts_us=10, is_key=True, width_px=720, height_px=1280
    )
    assert assembler.feed(annex_b(SLICE), pts_us=20) == AccessUnit(
        nals=(SLICE,), pts_us=20, is_key=False, width_px=720, height_px=1280
    )
    assert assembler.feed(annex_b(IDR), pts_us=30) == AccessUnit(
        nals=(UPRIGHT, PPS, IDR), pts_us=30, is_key=True, width_px=720, height_px=1280
    )


def test_an_encoder_that_repeats_its_parameter_sets_is_not_repeated_again() -> None:
    unit = picture(AccessUnitAssembler(), UPRIGHT, PPS, SEI, IDR, IDR)
    assert unit.nals == (UPRIGHT, PPS, SEI, IDR, IDR)


def test_nothing_is_yielded_before_the_first_key_picture() -> None:
    assembler = AccessUnitAssembler()
    assert assembler.feed(annex_b(SLICE), pts_us=0) is None
    assert assembler.feed(annex_b(IDR), pts_us=1) is None
    assert assembler.feed(annex_b(UPRIGHT), pts_us=2) is None
    assert assembler.feed(annex_b(IDR), pts_us=3) is None
    assert assembler.feed(annex_b(PPS), pts_us=4) is None
    assert assembler.feed(annex_b(SLICE), pts_us=5) is None
    assert picture(assembler, IDR, pts_us=6).is_key


def test_a_rotation_is_seen_in_the_new_parameter_sets() -> None:
    assembler = AccessUnitAssembler()
    assembler.feed(annex_b(UPRIGHT, PPS, IDR), pts_us=0)
    assembler.feed(annex_b(SIDEWAYS, OTHER_PPS), pts_us=0)
    unit = picture(assembler, IDR, pts_us=1)
    assert (unit.width_px, unit.height_px) == (1280, 720)
    assert unit.nals == (SIDEWAYS, OTHER_PPS, IDR)


def test_what_a_decoder_does_not_need_is_dropped() -> None:
    assembler = AccessUnitAssembler()
    assembler.feed(annex_b(UPRIGHT, PPS, IDR), pts_us=0)
    assert picture(assembler, DELIMITER, SLICE, FILLER, pts_us=1).nals == (SLICE,)
    assert assembler.feed(annex_b(SEI), pts_us=2) is None


def test_time_stamps_are_made_to_increase() -> None:
    assembler = AccessUnitAssembler()
    units = [picture(assembler, UPRIGHT, PPS, IDR, pts_us=pts) for pts in (5, 5, 3, 9)]
    assert [unit.pts_us for unit in units] == [5, 6, 7, 9]


def test_parameter_sets_have_a_bound() -> None:
    with pytest.raises(BitstreamError, match="parameter sets are"):
        AccessUnitAssembler().feed(annex_b(*[b"\x68" + b"\xff" * 1000] * 17), pts_us=0)


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_a_hostile_encoder_is_refused_and_nothing_worse(packets: list[bytes]) -> None:
    assembler = AccessUnitAssembler()
    for packet in packets:
        try:
            assembler.feed(b"\0\0\1" + packet, pts_us=0)
        except BitstreamError:
            return
