"""A moving picture as access units, encoded once by x264, and played in real time."""

import asyncio
import time
from fractions import Fraction
from functools import cache
from typing import Self

import av
import numpy as np

from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.rtp.fanout import VideoFanout

FRAMES_PER_S = 60
WIDTH_PX = 320
HEIGHT_PX = 576


@cache
def clip(
    seconds: float = 2.0,
    *,
    gop: int = 60,
    bitrate_bps: int = 2_000_000,
    size_px: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
) -> tuple[AccessUnit, ...]:
    """Encode a bar that moves down, with noise so that the bit rate is met."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = width_px, height_px = size_px
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, FRAMES_PER_S)
    codec.framerate = Fraction(FRAMES_PER_S)
    codec.bit_rate = bitrate_bps
    codec.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:repeat-headers=1:annexb=1",
    }
    random = np.random.default_rng(1)
    units: list[AccessUnit] = []
    for number in range(int(seconds * FRAMES_PER_S)):
        picture = random.integers(100, 120, (height_px, width_px, 3), dtype=np.uint8)
        row = number * 8 % height_px
        picture[row : row + 16] = 255
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        units.extend(
            AccessUnit(
                nals=tuple(split_annex_b(bytes(packet))),
                pts_us=(packet.pts or 0) * 1_000_000 // FRAMES_PER_S,
                is_key=packet.is_keyframe,
                width_px=width_px,
                height_px=height_px,
            )
            for packet in codec.encode(frame)
        )
    return tuple(units)


def split_annex_b(stream: bytes) -> list[bytes]:
    parts = stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


class Player:
    """Plays the clip for ever in real time, with a capture clock that goes on."""

    def __init__(self, units: tuple[AccessUnit, ...]) -> None:
        self.key_frame_requests = 0
        self.fanout = VideoFanout(request_key_frame=self._on_request)
        self._units = units
        self._next = 0
        self._task: asyncio.Task[None] | None = None
        self._pts_origin_us: int | None = 0
        self._is_paused = False

    def pause(self) -> None:
        """The screen stands still: no more pictures come."""
        self._is_paused = True

    def rotate(self) -> None:
        """The phone is turned: the other size, from a key frame on."""
        self._units = clip(size_px=(HEIGHT_PX, WIDTH_PX))
        self._next = 0

    def restart(self) -> None:
        """Another capture takes over, whose clock begins anew."""
        self.fanout.reset()
        self._pts_origin_us = None

    def _on_request(self) -> None:
        self.key_frame_requests += 1

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._play())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _play(self) -> None:
        start = time.monotonic()
        number = 0
        while not self._is_paused:
            unit = self._units[self._next % len(self._units)]
            self._next += 1
            now_us = number * 1_000_000 // FRAMES_PER_S
            if self._pts_origin_us is None:
                self._pts_origin_us = now_us
            pts_us = now_us - self._pts_origin_us
            self.fanout.push(
                AccessUnit(
                    nals=unit.nals,
                    pts_us=pts_us,
                    is_key=unit.is_key,
                    width_px=unit.width_px,
                    height_px=unit.height_px,
                )
            )
            number += 1
            await asyncio.sleep(max(0.0, start + number / FRAMES_PER_S - time.monotonic()))
