"""What tests look for in the phone's picture."""

BRIGHT, DARK = 160, 110
"""Bounds of magenta, 0..255: wide margins, since video coding blurs colours."""


def looks_like_dot(color: tuple[float, float, float]) -> bool:
    """
    Whether a colour is that of a finger's dot: magenta, as dev/phone and the test pattern draw it.

    Args:
        color: Mean red, green and blue, 0..255.
    """
    red, green, blue = color
    return red > BRIGHT and blue > BRIGHT and green < DARK
