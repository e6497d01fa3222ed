"""The parts of the picture that change only with the text: background, icons, text field."""

import numpy as np

from dev.phone.display.clock_strip import CELL_PX
from dev.phone.display.font import GLYPH_HEIGHT_PX, text_line, wrap
from dev.phone.display.planes import BLACK, WHITE, Color, Mask, Planes
from dev.phone.geometry import Size

MARGIN_PX = 32
_TEXT_SCALE = 2
_TEXT_LINES = 3
_LINE_PX = GLYPH_HEIGHT_PX * _TEXT_SCALE + 8
_ICON_PX = 96
_ICON_COLUMNS = 4
_FIELD = Color.from_rgb(24, 32, 48)
_TOP = Color.from_rgb(20, 50, 90)
_BOTTOM = Color.from_rgb(10, 90, 90)
# No colour here is near the finger dots' magenta.
_ICONS = (
    Color.from_rgb(52, 168, 83),
    Color.from_rgb(66, 133, 244),
    Color.from_rgb(251, 188, 5),
    Color.from_rgb(0, 172, 193),
    Color.from_rgb(124, 179, 66),
    Color.from_rgb(84, 110, 122),
    Color.from_rgb(57, 73, 171),
    Color.from_rgb(255, 143, 0),
)


def moving_area(display: Size) -> tuple[int, int, int, int]:
    """Return the rectangle left for moving content: left, top, right, bottom; all even."""
    top_px = CELL_PX + MARGIN_PX
    return MARGIN_PX, top_px, display.width_px - MARGIN_PX, top_px + display.height_px // 4 // 2 * 2


def draw_wallpaper(display: Size, text: str, last_key: int | None) -> Planes:
    """Draw all that stands still, at the display's own size."""
    planes = Planes.blank(display)
    _draw_gradient(planes)
    field_px = _TEXT_LINES * _LINE_PX + 24
    field_top_px = display.height_px - MARGIN_PX - field_px
    _draw_icons(planes, moving_area(display)[3] + MARGIN_PX, field_top_px - MARGIN_PX)
    _draw_field(planes, field_top_px, field_px, text)
    caption = "last key: none" if last_key is None else f"last key: {last_key}"
    _draw_text(planes, MARGIN_PX + 8, field_top_px - GLYPH_HEIGHT_PX - 4, caption, 1)
    planes.fill(0, 0, display.width_px, CELL_PX, BLACK)
    return planes


def _draw_gradient(planes: Planes) -> None:
    for plane, first, last in (
        (planes.y, _TOP.y, _BOTTOM.y),
        (planes.u, _TOP.u, _BOTTOM.u),
        (planes.v, _TOP.v, _BOTTOM.v),
    ):
        plane[:] = np.linspace(first, last, plane.shape[0]).round().astype(np.uint8)[:, None]


def _draw_icons(planes: Planes, top_px: int, bottom_px: int) -> None:
    gap_px = (planes.size.width_px - 2 * MARGIN_PX - _ICON_COLUMNS * _ICON_PX) // 3 // 2 * 2
    for index, color in enumerate(_ICONS * 2):
        row, column = divmod(index, _ICON_COLUMNS)
        icon_top_px = top_px + row * (_ICON_PX + MARGIN_PX)
        if icon_top_px + _ICON_PX > bottom_px:
            return
        left_px = MARGIN_PX + column * (_ICON_PX + gap_px)
        planes.paint(left_px, icon_top_px, _rounded_square(_ICON_PX, 24), color)


def _rounded_square(side_px: int, radius_px: int) -> Mask:
    middle = np.abs(np.arange(side_px) - (side_px - 1) / 2)
    beyond = np.clip(middle - (side_px / 2 - radius_px), 0, None)
    mask: Mask = beyond[:, None] ** 2 + beyond[None, :] ** 2 <= radius_px**2
    return mask


def _draw_field(planes: Planes, top_px: int, height_px: int, text: str) -> None:
    right_px = planes.size.width_px - MARGIN_PX
    planes.fill(MARGIN_PX, top_px, right_px, top_px + height_px, _FIELD)
    width_px = right_px - MARGIN_PX - 32
    for number, line in enumerate(wrap(text, width_px, _TEXT_SCALE)[-_TEXT_LINES:]):
        _draw_text(planes, MARGIN_PX + 16, top_px + 16 + number * _LINE_PX, line, _TEXT_SCALE)


def _draw_text(planes: Planes, left_px: int, top_px: int, text: str, scale: int) -> None:
    # Over even positions only: the glyphs' chroma is that of whole 2x2 blocks.
    planes.paint(left_px // 2 * 2, top_px // 2 * 2, text_line(text, scale), WHITE)
