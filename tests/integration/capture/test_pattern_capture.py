"""The built-in test picture as it runs."""

import asyncio
import time

from cloudphone_protocol.channel import Rotate, Touch, TouchAction
from cloudphone_protocol.reports import CaptureState
from cloudphone_protocol.session import Video
from cloudphone_streamer.capture.testpattern.capture import PatternCapture
from tests.integration.capture.listener import Capturing
from tests.support.clock_strip import find_dots, read_clock_strip


def finger(action: TouchAction) -> Touch:
    return Touch(type="touch", action=action, pointer=3, x=300, y=1000, width=720, height=1280)


async def test_the_clock_strip_tells_when_a_picture_was_drawn(capturing: Capturing) -> None:
    capturing.start(PatternCapture(video=Video()))
    await capturing.pictures(90)
    drawn_ms = read_clock_strip(capturing.last_picture()[..., 1])
    assert drawn_ms is not None
    assert int(time.time() * 1000) % (1 << 32) - drawn_ms < 1000
    assert capturing.reports[-1].state == CaptureState.RUNNING


async def test_a_finger_is_a_dot_while_it_is_down(capturing: Capturing) -> None:
    capture = PatternCapture(video=Video())
    capturing.start(capture)
    await capturing.pictures(1)
    capture.inject(finger(TouchAction.DOWN))
    await capturing.pictures(10)
    [(x, y)] = find_dots(capturing.last_picture())
    assert abs(x - 300) < 8
    assert abs(y - 1000) < 8
    capture.inject(finger(TouchAction.UP))
    await capturing.pictures(10)
    assert find_dots(capturing.last_picture()) == []


async def test_it_rotates_and_begins_the_new_size_with_a_key_picture(capturing: Capturing) -> None:
    capture = PatternCapture(video=Video())
    capturing.start(capture)
    await capturing.pictures(1)
    capture.inject(Rotate(type="rotate"))
    await capturing.until(lambda: capturing.reports[-1].width_px == 1280, "the new size")
    await capturing.pictures(3)
    first = next(unit for unit in capturing.units if unit.width_px == 1280)
    assert first.is_key
    assert read_clock_strip(capturing.last_picture()[..., 1]) is not None


async def test_a_key_picture_comes_on_request(capturing: Capturing) -> None:
    capture = PatternCapture(video=Video(key_frame_interval_seconds=60))
    capturing.start(capture)
    await capturing.pictures(20)
    assert capturing.keys() == 1
    capture.request_key_frame()
    await capturing.pictures(5)
    assert capturing.keys() == 2


async def test_a_busy_event_loop_is_sent_fewer_pictures_and_no_backlog(
    capturing: Capturing,
) -> None:
    capturing.start(PatternCapture(video=Video()))
    await capturing.pictures(5)
    before = len(capturing.units)
    time.sleep(0.5)
    await asyncio.sleep(0)
    assert len(capturing.units) - before <= 4


async def test_it_keeps_to_the_frame_rate_and_size_that_were_asked_for(
    capturing: Capturing,
) -> None:
    capturing.start(PatternCapture(video=Video(max_fps=20, max_size_px=640)))
    await capturing.pictures(41)
    assert (capturing.units[0].width_px, capturing.units[0].height_px) == (360, 640)
    span_us = capturing.units[40].pts_us - capturing.units[0].pts_us
    assert span_us >= 1_900_000
