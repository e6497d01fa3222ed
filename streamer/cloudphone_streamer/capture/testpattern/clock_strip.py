"""
The time in the picture, for machines that measure how old a picture is; pure.

44 cells of 16x16 pixels along the top edge from the left: white, black, 32 bits of Unix time in
milliseconds modulo 2^32 (most significant first, white is 1), 8 bits of checksum (the sum of those
four bytes modulo 256), black, white. The same strip is drawn by the simulated phone.
"""

CELL_PX = 16
CELLS = 44
WIDTH_PX = CELL_PX * CELLS

_BLACK_CELL = bytes([16]) * CELL_PX
_WHITE_CELL = bytes([235]) * CELL_PX
"""Luma of black and white in the limited range (ITU-R BT.709 - 4.6)."""


def strip_row(time_ms: int) -> bytes:
    """
    One row of the strip; all of its `CELL_PX` rows are the same.

    Args:
        time_ms: Unix time.
    Returns:
        Luma of `WIDTH_PX` pixels.
    """
    stamp = time_ms % (1 << 32)
    checksum = sum(stamp.to_bytes(4, "big")) % 256
    bits = f"10{stamp:032b}{checksum:08b}01"
    return b"".join(_WHITE_CELL if bit == "1" else _BLACK_CELL for bit in bits)
