"""
Draws and encodes the test picture in a thread of its own, so that the event loop stays free.

The thread reads what the loop publishes (`_Scene`, immutable) and posts access units back.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cloudphone_protocol.channel import Rotate, Touch, TouchAction
from cloudphone_protocol.session import CaptureMode, Video
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.bitstream.assembler import AccessUnitAssembler
from cloudphone_streamer.capture.reporter import Reporter
from cloudphone_streamer.capture.source import CaptureSink, InputEvent
from cloudphone_streamer.capture.testpattern.encoder import PatternEncoder
from cloudphone_streamer.capture.testpattern.picture import Picture

_SHORT_SIDE_PX, _LONG_SIDE_PX = 720, 1280
_MAX_FPS = 60
_MAX_WAITING_UNITS = 3
"""Pictures that may wait for a busy event loop; further ones are not even drawn."""

_SIZE_STEP_PX = 8
"""As scrcpy rounds: many decoders dislike other sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What is to be seen."""

    width_px: int
    height_px: int
    fingers: dict[int, tuple[int, int]]
    """Places by pointer; replaced, never changed."""


class PatternCapture:
    """
    The built-in picture.

    Touches show as dots, and it rotates; keys, text and scrolling have nothing to act on.

    Args:
        video: Size, frame rate, bitrate and key frame interval.
    """

    def __init__(self, *, video: Video) -> None:
        self._video = video
        self._fps = min(video.max_fps, _MAX_FPS)
        width_px, height_px = _size_within(video.max_size_px)
        self._scene = _Scene(width_px=width_px, height_px=height_px, fingers={})
        self._key_wanted = threading.Event()

    async def run(self, sink: CaptureSink) -> None:
        """Capture until cancelled; see `Capture.run`."""
        loop = asyncio.get_running_loop()
        reporter = Reporter(sink, CaptureMode.TEST_PATTERN)
        stop = threading.Event()
        room = threading.BoundedSemaphore(_MAX_WAITING_UNITS)
        failed: asyncio.Future[None] = loop.create_future()

        def deliver(unit: AccessUnit) -> None:
            room.release()
            if not stop.is_set():
                reporter.running(unit.width_px, unit.height_px)
                sink.on_access_unit(unit)

        def fail(error: Exception) -> None:
            if not failed.done():
                failed.set_exception(error)

        def produce() -> None:
            try:
                self._produce(stop, room, lambda unit: loop.call_soon_threadsafe(deliver, unit))
            except Exception as error:  # noqa: BLE001 - handed to the loop, which raises it
                loop.call_soon_threadsafe(fail, error)

        thread = threading.Thread(target=produce, name="test-pattern", daemon=True)
        thread.start()
        try:
            await failed
        finally:
            stop.set()
            await asyncio.to_thread(thread.join)

    def request_key_frame(self) -> None:
        """The next picture is a key picture: here it costs nothing."""
        self._key_wanted.set()

    def inject(self, event: InputEvent) -> None:
        """Carry out one event; see `Capture.inject`."""
        scene = self._scene
        match event:
            case Touch() if (event.width, event.height) == (scene.width_px, scene.height_px):
                fingers = dict(scene.fingers)
                if event.action in (TouchAction.UP, TouchAction.CANCEL):
                    fingers.pop(event.pointer, None)
                else:
                    fingers[event.pointer] = (event.x, event.y)
                self._scene = replace(scene, fingers=fingers)
            case Rotate():
                self._scene = _Scene(width_px=scene.height_px, height_px=scene.width_px, fingers={})
            case _:
                pass

    @property
    def dropped_events(self) -> int:
        """Always 0: this phone is never away."""
        return 0

    def _produce(
        self,
        stop: threading.Event,
        room: threading.BoundedSemaphore,
        post: Callable[[AccessUnit], object],
    ) -> None:
        """Draw and encode until `stop`; runs in the thread."""
        interval_s = 1 / self._fps
        deadline_s = time.monotonic()
        assembler = AccessUnitAssembler()
        picture: Picture | None = None
        encoder: PatternEncoder | None = None
        while not stop.wait(max(0.0, deadline_s - time.monotonic())):
            # Deadlines are absolute, so that delays do not add up; missed ones are not made up.
            deadline_s = max(deadline_s + interval_s, time.monotonic())
            if not room.acquire(blocking=False):
                continue
            scene = self._scene
            size = (scene.width_px, scene.height_px)
            if picture is None or encoder is None or (picture.width_px, picture.height_px) != size:
                encoder, picture = self._start(scene)
            key = self._key_wanted.is_set()
            self._key_wanted.clear()
            picture.draw(
                encoder.planes, time_ms=time.time_ns() // 1_000_000, dots=scene.fingers.values()
            )
            pts_us = time.monotonic_ns() // 1000
            unit = assembler.feed(encoder.encode(pts_us=pts_us, key=key), pts_us=pts_us)
            if unit is None:
                room.release()
            else:
                post(unit)

    def _start(self, scene: _Scene) -> tuple[PatternEncoder, Picture]:
        """Encoder and picture for a size."""
        encoder = PatternEncoder(
            width_px=scene.width_px,
            height_px=scene.height_px,
            fps=self._fps,
            bitrate_bps=self._video.bitrate_bps,
            key_frame_interval_s=self._video.key_frame_interval_seconds,
        )
        picture = Picture(
            width_px=scene.width_px,
            height_px=scene.height_px,
            luma_stride=encoder.planes.luma_stride,
            chroma_stride=encoder.planes.chroma_stride,
        )
        return encoder, picture


def _size_within(max_size_px: int) -> tuple[int, int]:
    """Width and height of the upright picture."""
    long_px = min(max_size_px, _LONG_SIDE_PX) // _SIZE_STEP_PX * _SIZE_STEP_PX
    short_px = long_px * _SHORT_SIDE_PX // _LONG_SIDE_PX // _SIZE_STEP_PX * _SIZE_STEP_PX
    return short_px, long_px
