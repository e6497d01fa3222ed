"""
What the test picture shows: a calm background, a moving band, a dot under each finger, the time.

Pure: draws into buffers that it is given. Luma and chroma are 8 bits, limited range, and chroma
has half the size (4:2:0).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cloudphone_streamer.capture.testpattern.clock_strip import CELL_PX, WIDTH_PX, strip_row

_BLACK = 16
_NEUTRAL = 128
_DOT = (107, 202, 222)
"""Magenta in Y, Cb, Cr."""

_DOT_RADIUS_PX = 28
_BAND_HEIGHT_PX = 160
_BAND_PERIOD_PX = 128
_BAND_SPEED_PX_S = 240
_DARKEST, _BRIGHTEST = 40, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """
    Writable buffers of one picture.

    Args:
        luma: Rows of `luma_stride` bytes.
        blue: Cb, rows of `chroma_stride` bytes.
        red: Cr, rows of `chroma_stride` bytes.
        luma_stride: Bytes from row to row; at least the width.
        chroma_stride: Bytes from row to row; at least half the width.
    """

    luma: memoryview
    blue: memoryview
    red: memoryview
    luma_stride: int
    chroma_stride: int


class Picture:
    """
    The drawing of one size.

    Args:
        width_px: Even.
        height_px: Even.
        luma_stride: As that of the planes to draw into.
        chroma_stride: Likewise.
    """

    def __init__(
        self, *, width_px: int, height_px: int, luma_stride: int, chroma_stride: int
    ) -> None:
        self.width_px = width_px
        self.height_px = height_px
        # Brighter towards the bottom, and from blue to red: every place looks like no other.
        self._luma = b"".join(
            bytes([_shade(y, height_px, _DARKEST, _BRIGHTEST)]) * luma_stride
            for y in range(height_px)
        )
        self._blue = b"".join(
            bytes([_shade(y, height_px // 2, 150, 120)]) * chroma_stride
            for y in range(height_px // 2)
        )
        self._red = b"".join(
            bytes([_shade(y, height_px // 2, 110, 150)]) * chroma_stride
            for y in range(height_px // 2)
        )
        # Diagonal stripes: a period more than the width, so that each row is one slice of it.
        period = bytes(
            60 + abs(x * 2 - _BAND_PERIOD_PX) * 100 // _BAND_PERIOD_PX
            for x in range(_BAND_PERIOD_PX)
        )
        self._band = period * (width_px // _BAND_PERIOD_PX + 2)
        radius = _DOT_RADIUS_PX
        self._dot_half_widths = [
            int((radius * radius - y * y) ** 0.5) for y in range(-radius, radius)
        ]

    def draw(self, planes: Planes, *, time_ms: int, dots: Iterable[tuple[int, int]]) -> None:
        """
        Draw one picture.

        Args:
            planes: Of this picture's size and strides.
            time_ms: Unix time; moves the band and is written into the clock strip.
            dots: Places of fingers in pixels.
        """
        planes.luma[: len(self._luma)] = self._luma
        planes.blue[: len(self._blue)] = self._blue
        planes.red[: len(self._red)] = self._red
        self._draw_band(planes, time_ms)
        for x, y in dots:
            self._draw_dot(planes, x, y)
        self._draw_clock(planes, time_ms)

    def _draw_band(self, planes: Planes, time_ms: int) -> None:
        offset = time_ms * _BAND_SPEED_PX_S // 1000
        top = self.height_px // 2 - _BAND_HEIGHT_PX // 2
        for y in range(_BAND_HEIGHT_PX):
            begin = (offset + y) % _BAND_PERIOD_PX
            start = (top + y) * planes.luma_stride
            planes.luma[start : start + self.width_px] = self._band[begin : begin + self.width_px]

    def _draw_dot(self, planes: Planes, center_x: int, center_y: int) -> None:
        for row, half in enumerate(self._dot_half_widths):
            y = center_y - _DOT_RADIUS_PX + row
            left = max(center_x - half, 0) & ~1
            right = min(center_x + half, self.width_px) & ~1
            if not 0 <= y < self.height_px or left >= right:
                continue
            start = y * planes.luma_stride
            planes.luma[start + left : start + right] = bytes([_DOT[0]]) * (right - left)
            if y % 2 == 0:
                start = y // 2 * planes.chroma_stride
                half_row = slice(start + left // 2, start + right // 2)
                planes.blue[half_row] = bytes([_DOT[1]]) * ((right - left) // 2)
                planes.red[half_row] = bytes([_DOT[2]]) * ((right - left) // 2)

    def _draw_clock(self, planes: Planes, time_ms: int) -> None:
        row = bytearray([_BLACK]) * self.width_px
        # A picture that is narrower than the strip shows a black bar: a cut strip is unreadable.
        if self.width_px >= WIDTH_PX:
            row[:WIDTH_PX] = strip_row(time_ms)
        for y in range(CELL_PX):
            planes.luma[y * planes.luma_stride : y * planes.luma_stride + self.width_px] = row
        gray = bytes([_NEUTRAL]) * (self.width_px // 2)
        for y in range(CELL_PX // 2):
            start = y * planes.chroma_stride
            planes.blue[start : start + len(gray)] = gray
            planes.red[start : start + len(gray)] = gray


def _shade(position: int, length: int, first: int, last: int) -> int:
    return first + (last - first) * position // length
