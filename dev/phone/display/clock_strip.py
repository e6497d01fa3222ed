"""
The clock strip: the time at which a picture was drawn, readable by machines. Pure.

44 cells of 16x16 pixels along the top edge, from the left: white, black, 32 bits of Unix time in
milliseconds modulo 2^32 (most significant first, white is 1), 8 bits of checksum (the sum of those
four bytes modulo 256), black, white.
"""

CELL_PX = 16
CELL_COUNT = 44


def strip_cells(unix_ms: int) -> list[bool]:
    """Return the cells from the left; True is white."""
    time_bytes = (unix_ms % 2**32).to_bytes(4, "big")
    checksum = sum(time_bytes) % 256
    bits = f"{int.from_bytes(time_bytes, 'big'):032b}{checksum:08b}"
    return [True, False, *(bit == "1" for bit in bits), False, True]
