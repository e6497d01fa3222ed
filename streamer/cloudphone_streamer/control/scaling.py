"""
Points of a smaller picture as points of the phone's. Pure.

A viewer on a lower rung sees the phone's picture scaled down and touches that; the phone takes only
touches on a picture of its present size.
"""

from cloudphone_protocol.channel import Scroll, Touch

_ROUNDING_PX = 2
"""Sides of a scaled picture are even."""


def to_phone_pixels(event: Touch | Scroll, picture_px: tuple[int, int]) -> Touch | Scroll:
    """
    Scale an event up to the phone's picture.

    Args:
        event: As it came.
        picture_px: Width and height of the phone's picture.
    Returns:
        The event on a picture of that size; as it came where its picture has another shape, such as
        that before a rotation, or is not smaller.
    """
    width_px, height_px = picture_px
    if event.width >= width_px or event.height >= height_px:
        return event
    if abs(event.width * height_px - event.height * width_px) > _ROUNDING_PX * max(picture_px):
        return event
    return event.model_copy(
        update={
            # The middle of the pixel, so that a row of equal steps stays one.
            "x": min((2 * event.x + 1) * width_px // (2 * event.width), width_px - 1),
            "y": min((2 * event.y + 1) * height_px // (2 * event.height), height_px - 1),
            "width": width_px,
            "height": height_px,
        }
    )
