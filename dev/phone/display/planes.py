"""A picture as three I420 planes in numpy arrays, and the shapes drawn into it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dev.phone.geometry import Size

Plane = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
# scrcpy rounds sides to multiples of 8.
_ROUNDING_PX = 16


@dataclass(frozen=True, slots=True)
class Color:
    """A colour of BT.709 in the limited range, as video has it."""

    y: int
    u: int
    v: int

    @classmethod
    def from_rgb(cls, red: int, green: int, blue: int) -> "Color":
        """Convert from full-range RGB. See ITU-R BT.709-6, items 3.2 to 3.5."""
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        return cls(
            round(16 + luma * 219 / 255),
            round(128 + (blue - luma) / 1.8556 * 224 / 255),
            round(128 + (red - luma) / 1.5748 * 224 / 255),
        )


BLACK = Color(16, 128, 128)
WHITE = Color(235, 128, 128)


@dataclass(frozen=True, slots=True)
class Planes:
    """Luma, and both chroma planes at half its width and height. Sides are even."""

    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def blank(cls, size: Size) -> "Planes":
        half = (size.height_px // 2, size.width_px // 2)
        return cls(
            np.full((size.height_px, size.width_px), BLACK.y, np.uint8),
            np.full(half, BLACK.u, np.uint8),
            np.full(half, BLACK.v, np.uint8),
        )

    @property
    def size(self) -> Size:
        return Size(self.y.shape[1], self.y.shape[0])

    def clear(self) -> None:
        """Make the whole picture black."""
        self.fill(0, 0, self.size.width_px, self.size.height_px, BLACK)

    def letterbox(self, content: Size) -> "Planes":
        """
        Return a view of the centred part where a content of another shape fits.

        Differences of a few pixels, which rounding makes, are no difference of shape.
        """
        width_px, height_px = self.size.width_px, self.size.height_px
        fit_width_px = height_px * content.width_px // content.height_px
        fit_height_px = width_px * content.height_px // content.width_px
        if fit_width_px < width_px - _ROUNDING_PX:
            width_px = fit_width_px // 2 * 2
        elif fit_height_px < height_px - _ROUNDING_PX:
            height_px = fit_height_px // 2 * 2
        left_px = (self.size.width_px - width_px) // 4 * 2
        top_px = (self.size.height_px - height_px) // 4 * 2
        half = np.s_[
            top_px // 2 : (top_px + height_px) // 2, left_px // 2 : (left_px + width_px) // 2
        ]
        return Planes(
            self.y[top_px : top_px + height_px, left_px : left_px + width_px],
            self.u[half],
            self.v[half],
        )

    def fill(self, left_px: int, top_px: int, right_px: int, bottom_px: int, color: Color) -> None:
        """Fill a rectangle, `right_px` and `bottom_px` excluded; its chroma covers whole 2x2s."""
        self.y[top_px:bottom_px, left_px:right_px] = color.y
        half = np.s_[top_px // 2 : (bottom_px + 1) // 2, left_px // 2 : (right_px + 1) // 2]
        self.u[half] = color.u
        self.v[half] = color.v

    def paint(self, left_px: int, top_px: int, mask: Mask, color: Color) -> None:
        """Paint where a mask is set; the mask lies wholly inside, its corner at even pixels."""
        height, width = mask.shape
        self.y[top_px : top_px + height, left_px : left_px + width][mask] = color.y
        half = mask[::2, ::2]
        rows, columns = half.shape
        target = np.s_[top_px // 2 : top_px // 2 + rows, left_px // 2 : left_px // 2 + columns]
        self.u[target][half] = color.u
        self.v[target][half] = color.v

    def copy_from(
        self, other: "Planes", left_px: int, top_px: int, right_px: int, bottom_px: int
    ) -> None:
        """Copy an even-sided rectangle from a picture of the same size."""
        whole = np.s_[top_px:bottom_px, left_px:right_px]
        half = np.s_[top_px // 2 : bottom_px // 2, left_px // 2 : right_px // 2]
        self.y[whole] = other.y[whole]
        self.u[half] = other.u[half]
        self.v[half] = other.v[half]

    def resized(self, size: Size) -> "Planes":
        """Return a copy of another size, each pixel the nearest one of this picture."""
        if size == self.size:
            return self
        return Planes(
            _nearest(self.y, size.height_px, size.width_px),
            _nearest(self.u, size.height_px // 2, size.width_px // 2),
            _nearest(self.v, size.height_px // 2, size.width_px // 2),
        )


def _nearest(plane: Plane, rows: int, columns: int) -> Plane:
    row_indices = (np.arange(rows) * 2 + 1) * plane.shape[0] // (rows * 2)
    column_indices = (np.arange(columns) * 2 + 1) * plane.shape[1] // (columns * 2)
    resized: Plane = plane[row_indices[:, None], column_indices]
    return resized
