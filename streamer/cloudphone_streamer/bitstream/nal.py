"""
NAL units: where they begin and end, and what they are.

See ITU-T H.264 - 7.3.1 (NAL unit syntax), 7.4.1 (types) and Annex B (byte stream format).
"""

from enum import IntEnum

from cloudphone_streamer.bitstream.errors import BitstreamError

MAX_NALS = 1024
"""Most NAL units in one packet: a picture of the highest level has fewer slices (Annex A)."""

_START_CODE = b"\0\0\1"


class NalType(IntEnum):
    """The `nal_unit_type` values that matter here (table 7-1)."""

    SLICE = 1
    SLICE_DATA_A = 2
    IDR_SLICE = 5
    SEI = 6
    SPS = 7
    PPS = 8
    ACCESS_UNIT_DELIMITER = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER = 12


def nal_type(nal: bytes) -> int:
    """
    The `nal_unit_type` of a NAL unit.

    Args:
        nal: NAL unit without start code; at least 1 byte.
    """
    return nal[0] & 0x1F


def split_annex_b(data: bytes) -> list[bytes]:
    """
    Split a byte stream into its NAL units.

    Start codes of three and four bytes and trailing zero bytes are taken off; a NAL unit never
    ends in a zero byte (7.4.1), so nothing of one is lost.

    Args:
        data: Begins with a start code.
    Returns:
        NAL units without start codes, each at least 1 byte.
    Raises:
        BitstreamError: If `data` does not begin with a start code, or has over `MAX_NALS` units.
    """
    start = data.find(_START_CODE)
    if start < 0 or data.count(0, 0, start) != start:
        raise BitstreamError(
            f"bitstream begins with {data[:4].hex() or 'nothing'}; expected a start code (000001)"
        )
    nals: list[bytes] = []
    while start >= 0:
        begin = start + len(_START_CODE)
        start = data.find(_START_CODE, begin)
        nal = data[begin:] if start < 0 else data[begin:start]
        nal = nal.rstrip(b"\0")
        if not nal:
            continue
        if len(nals) == MAX_NALS:
            raise BitstreamError(f"packet has over {MAX_NALS} NAL units; expected at most that")
        nals.append(nal)
    return nals


def remove_emulation_prevention(nal: bytes) -> bytes:
    """
    The payload of a NAL unit as its syntax is read.

    See H.264 - 7.3.1: `00 00 03` stands for `00 00`.

    Args:
        nal: NAL unit without start code.
    Returns:
        RBSP bytes, the NAL unit header taken off.
    """
    parts: list[bytes] = []
    begin = 1
    while (found := nal.find(b"\0\0\3", begin)) >= 0:
        parts.append(nal[begin : found + 2])
        begin = found + 3
    parts.append(nal[begin:])
    return b"".join(parts)
