"""
Draws the phone's picture straight into the planes of a video frame.

Only what changes is drawn again: the moving area, the finger dots and the clock strip in every
frame, everything else when the text or the rotation changes.
"""

from functools import lru_cache

import numpy as np

from dev.phone.display.clock_strip import CELL_PX, strip_cells
from dev.phone.display.planes import BLACK, WHITE, Color, Mask, Plane, Planes
from dev.phone.display.wallpaper import draw_wallpaper, moving_area
from dev.phone.geometry import Point, Size
from dev.phone.state import PhoneState

FINGER_COLOR = Color.from_rgb(255, 0, 255)
FINGER_RADIUS_PX = 28
_BAND_SPEED_PX_S = 240
_NOISE_COUNT = 8
_NOISE_SIDE_PX = 160
_NOISE_FPS = 60


class Screen:
    """
    One renderer, for a display and a video size; a rotation needs a new one.

    Call `draw` and then, as late as possible, `draw_clock`.

    Attributes:
        display: the display's size that this renderer is for.
    """

    def __init__(self, display: Size, planes: Planes) -> None:
        self.display = display
        self._planes = planes
        self._video = planes.size
        self._wallpaper = planes
        self._wallpaper_of: tuple[str, int | None, bool] | None = None
        self._dots: list[Point] = []
        self._radius_px = max(self._to_video(FINGER_RADIUS_PX), 4)
        self._dot = _disc(self._radius_px)
        self._area = tuple(self._to_video(side) // 2 * 2 for side in moving_area(display))
        left, top, right, bottom = self._area
        self._band = _band(right - left, bottom - top)
        self._noise = _noise(self._to_video(_NOISE_SIDE_PX))
        self._strip_rows = self._to_video(CELL_PX)
        columns = (np.arange(self._video.width_px) * 2 + 1) * display.width_px
        self._strip_index = columns // (self._video.width_px * 2) // CELL_PX

    def draw(self, state: PhoneState, unix_ms: int) -> None:
        """Draw all but the clock strip, as of a time."""
        shown = (state.text, state.last_key, state.screen_on)
        if shown != self._wallpaper_of:
            self._wallpaper_of = shown
            self._draw_wallpaper(state)
        for center in self._dots:
            self._planes.copy_from(self._wallpaper, *self._dot_box(center))
        self._dots = []
        if state.screen_on:
            self._draw_moving_area(unix_ms)
            self._draw_fingers(state)

    def draw_clock(self, unix_ms: int) -> None:
        """Write a time into the clock strip."""
        cells = np.full(self._strip_index[-1] + 1, BLACK.y, np.uint8)
        bits = strip_cells(unix_ms)
        cells[: len(bits)] = np.where(bits, WHITE.y, BLACK.y)
        self._planes.y[: self._strip_rows] = cells[self._strip_index]

    def _draw_wallpaper(self, state: PhoneState) -> None:
        if state.screen_on:
            still = draw_wallpaper(self.display, state.text, state.last_key)
        else:
            still = Planes.blank(self.display)
        self._wallpaper = still.resized(self._video)
        self._planes.copy_from(self._wallpaper, 0, 0, self._video.width_px, self._video.height_px)

    def _draw_moving_area(self, unix_ms: int) -> None:
        left, top, right, bottom = self._area
        offset = unix_ms * _BAND_SPEED_PX_S // 1000 % (self._band.shape[1] - (right - left))
        self._planes.y[top:bottom, left:right] = self._band[:, offset : offset + right - left]
        noise = self._noise[unix_ms * _NOISE_FPS // 1000 % _NOISE_COUNT]
        rows = min(noise.shape[0], bottom - top)
        span = right - left - noise.shape[1]
        # Back and forth once in four seconds: smooth motion that an eye can judge.
        phase = abs(unix_ms % 4000 - 2000) / 2000
        place = left + round(span * phase)
        self._planes.y[top : top + rows, place : place + noise.shape[1]] = noise[:rows]

    def _draw_fingers(self, state: PhoneState) -> None:
        for finger in state.fingers.values():
            point = finger.scaled(self.display, self._video)
            radius = self._radius_px
            center = Point(
                min(max(point.x_px, radius), self._video.width_px - radius) // 2 * 2,
                min(
                    max(point.y_px, radius + self._strip_rows),
                    self._video.height_px - radius,
                ) // 2 * 2,
            )  # fmt: skip
            left, top, _, _ = self._dot_box(center)
            self._planes.paint(left, top, self._dot, FINGER_COLOR)
            self._dots.append(center)

    def _dot_box(self, center: Point) -> tuple[int, int, int, int]:
        radius = self._radius_px
        return (
            center.x_px - radius,
            center.y_px - radius,
            center.x_px + radius,
            center.y_px + radius,
        )

    def _to_video(self, display_px: int) -> int:
        """Scale a length; video keeps the display's aspect ratio but for rounding."""
        return round(display_px * self._video.height_px / self.display.height_px / 2) * 2


def _disc(radius_px: int) -> Mask:
    axis = np.arange(2 * radius_px) - radius_px + 0.5
    mask: Mask = axis[:, None] ** 2 + axis[None, :] ** 2 <= radius_px**2
    return mask


@lru_cache(maxsize=4)
def _band(width_px: int, height_px: int) -> Plane:
    """Make a texture that scrolls: cheap to encode, but it moves everywhere."""
    # Whole waves on twice the width, where the scroll starts again: no seam.
    columns = np.arange(width_px * 3, dtype=np.float32) * (np.pi / width_px)
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    waves = 50 * np.sin(9 * columns) * np.cos(rows / 31)
    # 40 sin(4 columns + rows / 57), by the addition theorem: far fewer sines.
    waves += 40 * np.sin(4 * columns) * np.cos(rows / 57)
    waves += 40 * np.cos(4 * columns) * np.sin(rows / 57)
    band: Plane = (waves + 128).clip(BLACK.y, WHITE.y).astype(np.uint8)
    return band


@lru_cache(maxsize=4)
def _noise(side_px: int) -> list[Plane]:
    """Make squares that no motion search predicts: they use up the bit rate that was asked for."""
    random = np.random.default_rng(1)
    raw = random.normal(128, 60, (_NOISE_COUNT, side_px, side_px))
    smooth = raw + np.roll(raw, 1, 1) + np.roll(raw, 1, 2) + np.roll(raw, (1, 1), (1, 2))
    return list((smooth / 4).clip(BLACK.y, WHITE.y).astype(np.uint8))
