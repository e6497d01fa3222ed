"""
Reads the clock strip and the finger dots from decoded pictures of the phone.

The browser tests and the benchmark do the same in the page (`probe.js`).
"""

import numpy as np
import numpy.typing as npt

from tests.support.picture import BRIGHT, DARK

_CELLS = 44
_CELL_PX = 16
_WHITE_LUMA = 128
_MIN_DOT_PX = 100


def read_clock_strip(luma: npt.NDArray[np.uint8], scale: float = 1.0) -> int | None:
    """
    Return the time at which a picture was drawn.

    Args:
        luma: rows of luma, or of any channel: the strip is black and white.
        scale: the picture's size divided by the phone's display size.
    Returns:
        Unix time in milliseconds modulo 2^32, or None if the frame of the strip or its checksum is
        wrong.
    """
    middles = ((np.arange(_CELLS) + 0.5) * _CELL_PX * scale).astype(int)
    row = int(_CELL_PX * scale / 2)
    if luma.shape[0] <= row or luma.shape[1] <= middles[-1]:
        return None
    cells = luma[row, middles] >= _WHITE_LUMA
    if not (cells[0] and not cells[1] and not cells[-2] and cells[-1]):
        return None
    *time_bytes, checksum = np.packbits(cells[2:-2]).tolist()
    if sum(time_bytes) % 256 != checksum:
        return None
    return int.from_bytes(bytes(time_bytes), "big")


def find_dots(rgb: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """
    Return the middle of each finger's dot, as x and y in pixels.

    Args:
        rgb: rows of pixels of three channels.
    Returns:
        One position a dot, from the top; dots that touch are one.
    """
    red, green, blue = (rgb[..., channel].astype(int) for channel in range(3))
    # Magenta: the phone draws it nowhere else.
    left = (red > BRIGHT) & (blue > BRIGHT) & (green < DARK)
    rows, columns = (np.flatnonzero(left.any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return []
    # Growing a dot costs by the pixels looked at: only those around the dots are.
    left = left[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    dots: list[tuple[int, int]] = []
    while True:
        ys, xs = np.nonzero(left)
        if len(ys) == 0:
            return dots
        component = _component(left, int(ys[0]), int(xs[0]))
        left &= ~component
        ys, xs = np.nonzero(component)
        if len(ys) >= _MIN_DOT_PX:
            dots.append((round(xs.mean() + columns[0]), round(ys.mean() + rows[0])))


def _component(mask: npt.NDArray[np.bool_], y: int, x: int) -> npt.NDArray[np.bool_]:
    """Return the connected part of a mask that a pixel belongs to: growth until nothing changes."""
    grown = np.zeros_like(mask)
    grown[y, x] = True
    while True:
        wider = grown.copy()
        wider[1:] |= grown[:-1]
        wider[:-1] |= grown[1:]
        wider[:, 1:] |= grown[:, :-1]
        wider[:, :-1] |= grown[:, 1:]
        wider &= mask
        if np.array_equal(wider, grown):
            return grown
        grown = wider
