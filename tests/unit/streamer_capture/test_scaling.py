"""Touches on a smaller picture of the same phone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_protocol.channel import Scroll, Touch, TouchAction
from cloudphone_streamer.control.scaling import to_phone_pixels
from cloudphone_streamer.encode.rungs import size_within

PHONE_PX = (720, 1280)


def touch(x: int, y: int, width: int, height: int) -> Touch:
    return Touch(
        type="touch", action=TouchAction.DOWN, pointer=0, x=x, y=y, width=width, height=height
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(touch(5, 6, 720, 1280), touch(5, 6, 720, 1280), id="the same size"),
        pytest.param(touch(0, 0, 360, 640), touch(1, 1, 720, 1280), id="half of it, first pixel"),
        pytest.param(
            touch(359, 639, 360, 640), touch(719, 1279, 720, 1280), id="half of it, last pixel"
        ),
        pytest.param(touch(240, 427, 480, 854), touch(360, 640, 720, 1280), id="rounded to even"),
        pytest.param(touch(5, 6, 640, 360), touch(5, 6, 640, 360), id="before a rotation"),
        pytest.param(touch(5, 6, 300, 640), touch(5, 6, 300, 640), id="another shape"),
        pytest.param(touch(5, 6, 1440, 2560), touch(5, 6, 1440, 2560), id="larger"),
    ],
)
def test_a_touch_on_a_picture(before: Touch, after: Touch) -> None:
    assert to_phone_pixels(before, PHONE_PX) == after


@given(
    st.tuples(st.integers(64, 4096), st.integers(64, 4096)),
    st.sampled_from([1280, 854, 640]),
    st.data(),
)
def test_what_any_rung_shows_is_the_phones_picture(
    phone_px: tuple[int, int], max_side_px: int, data: st.DataObject
) -> None:
    width_px, height_px = size_within(*phone_px, max_side_px)
    if width_px >= phone_px[0] or height_px >= phone_px[1]:
        return
    x = data.draw(st.integers(0, width_px - 1))
    y = data.draw(st.integers(0, height_px - 1))
    scroll = Scroll(type="scroll", x=x, y=y, width=width_px, height=height_px, vertical=1)
    scaled = to_phone_pixels(scroll, phone_px)
    assert isinstance(scaled, Scroll)
    assert (scaled.width, scaled.height) == phone_px
    assert abs(scaled.x / phone_px[0] - x / width_px) <= 1 / width_px
    assert abs(scaled.y / phone_px[1] - y / height_px) <= 1 / height_px
    assert scaled.vertical == 1
