"""
The threads of the transcodes: one decodes, and one a rung scales and encodes.

`rtp.fanout` makes one when the first viewer needs a rung, and ends it after the last has left. The
event loop only hands pictures in and gets pictures back: it never waits for a codec. An encoder
that is slower than the phone takes the newest frame and leaves out those in between; a decoder
that is, begins again at a key frame, since nothing but garbage comes of a stream with a hole.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import av
from av.error import FFmpegError

from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.encode.decoder import Decoder
from cloudphone_streamer.encode.encoder import EncodedPicture, RungEncoder
from cloudphone_streamer.encode.rungs import Rung

logger = logging.getLogger(__name__)

MAX_WAITING_PICTURES = 30
"""Half a second of a phone that draws 60 times a second."""

_CLOCK_HZ = 90_000

_LEAST_KEY_INTERVAL_S = 0.5
"""Key frames are large: viewers of one rung that ask often must not starve the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePicture:
    """
    One picture of the phone.

    Args:
        unit: H.264.
        ticks: RTP time, 90 kHz, not cut to 32 bits.
        is_shown: Whether it is to be encoded; others only lead to those after them.
    """

    unit: AccessUnit
    ticks: int
    is_shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    frame: av.VideoFrame
    ticks: int
    at_s: float


class Transcoder:
    """
    Decodes once, encodes a rung at a time on request; to be used from the event loop only.

    Args:
        backlog: Pictures since the last key frame, so that a still screen shows at once.
        on_picture: Called on the event loop with each picture of a rung.
    """

    def __init__(
        self,
        *,
        backlog: Sequence[SourcePicture],
        on_picture: Callable[[Rung, EncodedPicture], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_picture = on_picture
        self._workers: dict[Rung, _RungWorker] = {}
        self._unscaled = threading.Lock()
        self._changed = threading.Condition()
        # Guarded by `_changed`.
        self._waiting = deque(backlog)
        self._room = len(backlog) + MAX_WAITING_PICTURES
        self._has_hole = False
        self._is_closed = False
        self._offer_to: tuple[_RungWorker, ...] = ()
        self._latest: _Decoded | None = None
        threading.Thread(target=self._decode, name="transcode-decode", daemon=True).start()

    def feed(self, picture: SourcePicture) -> None:
        """Take one picture of the phone; never waits."""
        with self._changed:
            if len(self._waiting) >= self._room:
                self._waiting.clear()
                self._has_hole = True
            self._waiting.append(picture)
            self._changed.notify()

    def reset(self) -> None:
        """Expect another source, which begins with a key frame."""
        with self._changed:
            self._waiting.clear()
            self._has_hole = True

    def add(self, rung: Rung) -> None:
        """Begin to encode for a rung; its first picture is a key frame."""
        worker = _RungWorker(rung, deliver=self._deliver, unscaled=self._unscaled)
        self._workers[rung] = worker
        with self._changed:
            self._offer_to = tuple(self._workers.values())
            if self._latest is not None:
                worker.offer(self._latest)

    def remove(self, rung: Rung) -> None:
        """End a rung; its thread ends after the frame that it is at."""
        worker = self._workers.pop(rung)
        with self._changed:
            self._offer_to = tuple(self._workers.values())
        worker.stop()

    def request_key_frame(self, rung: Rung) -> None:
        """Make the next picture of a rung a key frame, of the last frame if no other comes."""
        self._workers[rung].request_key_frame()

    def close(self) -> None:
        """End all rungs; all threads end after the frame that they are at."""
        for rung in list(self._workers):
            self.remove(rung)
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _deliver(self, rung: Rung, picture: EncodedPicture) -> None:
        """Hand a picture to the event loop; runs in a worker's thread."""
        self._loop.call_soon_threadsafe(self._hand_over, rung, picture)

    def _hand_over(self, rung: Rung, picture: EncodedPicture) -> None:
        if rung in self._workers:
            self._on_picture(rung, picture)

    def _decode(self) -> None:
        """Decode until closed; runs in the thread."""
        decoder = Decoder()
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._room = MAX_WAITING_PICTURES
                    self._changed.wait()
                if self._is_closed:
                    return
                picture = self._waiting.popleft()
                has_hole, self._has_hole = self._has_hole, False
            if has_hole:
                decoder.reset()
            frame = decoder.decode(picture.unit)
            if frame is None or not picture.is_shown:
                continue
            decoded = _Decoded(frame=frame, ticks=picture.ticks, at_s=time.monotonic())
            with self._changed:
                self._latest = decoded
                for worker in self._offer_to:
                    worker.offer(decoded)


class _RungWorker:
    """One rung's thread: takes the newest frame when it is due."""

    def __init__(
        self,
        rung: Rung,
        *,
        deliver: Callable[[Rung, EncodedPicture], None],
        unscaled: threading.Lock,
    ) -> None:
        self._rung = rung
        self._deliver = deliver
        self._encoder = RungEncoder(rung, unscaled)
        self._interval_s = 1 / rung.max_fps
        self._changed = threading.Condition()
        # Guarded by `_changed`.
        self._newest: _Decoded | None = None
        self._is_fresh = False
        self._key_wanted = True
        self._is_stopped = False
        # Of the thread alone.
        self._key_after_s = 0.0
        threading.Thread(target=self._run, name=f"transcode-{rung.name}", daemon=True).start()

    def offer(self, decoded: _Decoded) -> None:
        with self._changed:
            self._newest = decoded
            self._is_fresh = True
            self._changed.notify()

    def request_key_frame(self) -> None:
        with self._changed:
            self._key_wanted = True
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def _run(self) -> None:
        due_s = 0.0
        last_ticks = 0
        has_failed = False
        while (taken := self._take(due_s)) is not None:
            decoded, is_fresh, key = taken
            now_s = time.monotonic()
            due_s = max(due_s, now_s - self._interval_s) + self._interval_s
            # A frame that is shown again is a picture of now.
            late_ticks = 0 if is_fresh else int((now_s - decoded.at_s) * _CLOCK_HZ)
            ticks = max(decoded.ticks + late_ticks, last_ticks + 1)
            try:
                picture = self._encoder.encode(decoded.frame, ticks=ticks, key=key)
            except FFmpegError:
                if not has_failed:
                    logger.exception("rung %s was not encoded", self._rung.name)
                has_failed = True
                continue
            last_ticks = ticks
            if picture is None:
                continue
            try:
                self._deliver(self._rung, picture)
            except RuntimeError:
                # The event loop has ended, and all with it.
                return

    def _take(self, due_s: float) -> tuple[_Decoded, bool, bool] | None:
        """
        Wait for the next frame to encode.

        One that comes about when it is due is taken at once; an earlier one waits, since a newer
        one may come, but not for ever: it may be the last before the screen stands still.

        Returns:
            Frame, whether it is new, whether it has to be a key frame; None at the end.
        """
        slack_s = self._interval_s / 4
        key_due_s = max(due_s + slack_s, self._key_after_s)
        with self._changed:
            while not self._is_stopped:
                newest = self._newest
                if newest is None or not (self._is_fresh or self._key_wanted):
                    self._changed.wait()
                    continue
                now_s = time.monotonic()
                if not self._is_fresh:
                    ready_s = key_due_s
                elif newest.at_s >= due_s - slack_s:
                    ready_s = now_s
                else:
                    ready_s = due_s + slack_s
                if now_s < ready_s:
                    self._changed.wait(ready_s - now_s)
                    continue
                is_fresh, self._is_fresh = self._is_fresh, False
                key = self._key_wanted and now_s >= self._key_after_s
                if key:
                    self._key_wanted = False
                    self._key_after_s = now_s + _LEAST_KEY_INTERVAL_S
                return newest, is_fresh, key
        return None
