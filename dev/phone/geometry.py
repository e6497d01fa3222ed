"""Sizes of the display and of the video made of it, and positions in both. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """A width and a height in pixels."""

    width_px: int
    height_px: int

    def rotated(self) -> "Size":
        return Size(self.height_px, self.width_px)

    def limited(self, max_size_px: int) -> "Size":
        """Scale down so that the longer side is at most `max_size_px`; 0 means no limit."""
        major_px = max(self.width_px, self.height_px)
        if max_size_px == 0 or major_px <= max_size_px:
            return self
        minor_px = max_size_px * min(self.width_px, self.height_px) // major_px
        if self.height_px > self.width_px:
            return Size(minor_px, max_size_px)
        return Size(max_size_px, minor_px)

    def rounded_to_8(self) -> "Size":
        """
        Round both sides to multiples of 8, as scrcpy does for the sake of many encoders.

        The longer side is rounded down, the shorter one to the nearest.
        """
        if self.width_px % 8 == 0 and self.height_px % 8 == 0:
            return self
        major_px = max(self.width_px, self.height_px) & ~7
        minor_px = min((min(self.width_px, self.height_px) + 4) & ~7, major_px)
        if self.height_px > self.width_px:
            return Size(minor_px, major_px)
        return Size(major_px, minor_px)

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"


@dataclass(frozen=True, slots=True)
class Point:
    """A position in pixels from the top left corner."""

    x_px: int
    y_px: int

    def scaled(self, source: Size, target: Size) -> "Point":
        """Map a position in a picture of one size to the same place in another."""
        return Point(
            self.x_px * target.width_px // source.width_px,
            self.y_px * target.height_px // source.height_px,
        )


def video_size(display: Size, max_size_px: int) -> Size:
    """Return the size of the video that scrcpy makes of a display."""
    return display.limited(max_size_px).rounded_to_8()
