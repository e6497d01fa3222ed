"""
Sequence parameter sets: profile and size of the picture.

See H.264 - 7.3.2.1.1. The reading ends before the VUI: nothing after it is needed, so nothing in
it can be read wrongly.
"""

from dataclasses import dataclass

from cloudphone_streamer.bitstream.bits import BitReader
from cloudphone_streamer.bitstream.errors import BitstreamError
from cloudphone_streamer.bitstream.nal import NalType, nal_type, remove_emulation_prevention

MAX_SIDE_PX = 16_384
"""Longest side that any level of H.264 allows (Annex A), rounded up."""

_MAX_SPS_BYTES = 4096
_MACROBLOCK_PX = 16
_PROFILES_WITH_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134})
_CHROMA_420 = 1
_CHROMA_444 = 3

_CROP_UNIT_X = {0: 1, 1: 2, 2: 2, 3: 1}
_CROP_UNIT_Y = {0: 1, 1: 2, 2: 1, 3: 1}
"""Luma pixels per cropping unit for each `chroma_format_idc` (table 6-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceParameters:
    """
    What a decoder needs to know beforehand.

    Args:
        profile_idc: Profile; 66 baseline, 77 main, 100 high.
        constraint_flags: The byte of constraint_set flags between profile and level.
        level_idc: Ten times the level.
        width_px: Width, cropping applied.
        height_px: Height, cropping applied.
    """

    profile_idc: int
    constraint_flags: int
    level_idc: int
    width_px: int
    height_px: int


def parse_sps(nal: bytes) -> SequenceParameters:
    """
    Read a sequence parameter set.

    Args:
        nal: NAL unit without start code.
    Raises:
        BitstreamError: If it is no valid SPS; sizes of no pixels or over `MAX_SIDE_PX` are not.
    """
    if not nal or nal_type(nal) != NalType.SPS:
        raise BitstreamError(f"NAL unit is {nal[:1].hex() or 'empty'}; expected an SPS (type 7)")
    if len(nal) > _MAX_SPS_BYTES:
        raise BitstreamError(f"SPS is {len(nal)} bytes; expected at most {_MAX_SPS_BYTES}")
    bits = BitReader(remove_emulation_prevention(nal))
    profile_idc = bits.read_bits(8)
    constraint_flags = bits.read_bits(8)
    level_idc = bits.read_bits(8)
    bits.read_unsigned()  # seq_parameter_set_id
    chroma_format_idc = _CHROMA_420
    separate_planes = False
    if profile_idc in _PROFILES_WITH_CHROMA_FORMAT:
        chroma_format_idc, separate_planes = _read_chroma_format(bits)
    _skip_picture_order(bits)
    bits.read_unsigned()  # max_num_ref_frames
    bits.read_flag()  # gaps_in_frame_num_value_allowed_flag
    width_in_macroblocks = bits.read_unsigned() + 1
    height_in_map_units = bits.read_unsigned() + 1
    frame_macroblocks_only = bits.read_flag()
    if not frame_macroblocks_only:
        bits.read_flag()  # mb_adaptive_frame_field_flag
    bits.read_flag()  # direct_8x8_inference_flag
    rows_per_map_unit = 1 if frame_macroblocks_only else 2
    width_px = width_in_macroblocks * _MACROBLOCK_PX
    height_px = height_in_map_units * _MACROBLOCK_PX * rows_per_map_unit
    if bits.read_flag():  # frame_cropping_flag
        # With separate planes each is coded like monochrome: ChromaArrayType is 0 (7.4.2.1.1).
        chroma_array_type = 0 if separate_planes else chroma_format_idc
        unit_x = _CROP_UNIT_X[chroma_array_type]
        unit_y = _CROP_UNIT_Y[chroma_array_type] * rows_per_map_unit
        width_px -= (bits.read_unsigned() + bits.read_unsigned()) * unit_x
        height_px -= (bits.read_unsigned() + bits.read_unsigned()) * unit_y
    if not (0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX):
        raise BitstreamError(
            f"picture is {width_px}x{height_px} px; expected 1..{MAX_SIDE_PX} on each side"
        )
    return SequenceParameters(
        profile_idc=profile_idc,
        constraint_flags=constraint_flags,
        level_idc=level_idc,
        width_px=width_px,
        height_px=height_px,
    )


def _read_chroma_format(bits: BitReader) -> tuple[int, bool]:
    """Chroma format of the high profiles and what follows it; the format and separate planes."""
    chroma_format_idc = bits.read_unsigned()
    if chroma_format_idc > _CHROMA_444:
        raise BitstreamError(f"chroma_format_idc is {chroma_format_idc}; expected 0..3")
    separate_planes = chroma_format_idc == _CHROMA_444 and bits.read_flag()
    bits.read_unsigned()  # bit_depth_luma_minus8
    bits.read_unsigned()  # bit_depth_chroma_minus8
    bits.read_flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.read_flag():  # seq_scaling_matrix_present_flag
        lists = 12 if chroma_format_idc == _CHROMA_444 else 8
        for index in range(lists):
            if bits.read_flag():  # seq_scaling_list_present_flag
                _skip_scaling_list(bits, size=16 if index < 6 else 64)
    return chroma_format_idc, separate_planes


def _skip_scaling_list(bits: BitReader, *, size: int) -> None:
    """See H.264 - 7.3.2.1.1.1."""
    last_scale = next_scale = 8
    for _ in range(size):
        if next_scale:
            next_scale = (last_scale + bits.read_signed()) % 256
        last_scale = next_scale or last_scale


def _skip_picture_order(bits: BitReader) -> None:
    bits.read_unsigned()  # log2_max_frame_num_minus4
    order_type = bits.read_unsigned()
    if order_type == 0:
        bits.read_unsigned()  # log2_max_pic_order_cnt_lsb_minus4
    elif order_type == 1:
        bits.read_flag()  # delta_pic_order_always_zero_flag
        bits.read_signed()  # offset_for_non_ref_pic
        bits.read_signed()  # offset_for_top_to_bottom_field
        cycle_length = bits.read_unsigned()
        if cycle_length > 255:
            raise BitstreamError(
                f"num_ref_frames_in_pic_order_cnt_cycle is {cycle_length}; expected 0..255"
            )
        for _ in range(cycle_length):
            bits.read_signed()  # offset_for_ref_frame
