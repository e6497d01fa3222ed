"""The phone's H.264 into frames, picture in, picture out; used by one thread of `transcoder`."""

import av
from av.codec.context import Flags
from av.error import FFmpegError

from cloudphone_streamer.bitstream.access_unit import AccessUnit

_START_CODE = b"\0\0\0\1"

MAX_PIXELS = 3840 * 2160
"""A phone names its picture's size itself; beyond this one it is not decoded."""


class Decoder:
    """Decodes from a key frame on; after a defect it waits for the next one."""

    def __init__(self) -> None:
        self._context: av.VideoCodecContext | None = None

    @property
    def waits_for_key_frame(self) -> bool:
        """Whether other pictures are skipped."""
        return self._context is None

    def reset(self) -> None:
        """Pictures are missing: what follows decodes to garbage until a key frame."""
        self._context = None

    def decode(self, unit: AccessUnit) -> av.VideoFrame | None:
        """
        Decode one picture.

        Args:
            unit: H.264.
        Returns:
            The frame; None while it waits for a key frame, or where there is no picture to show.
        """
        if unit.width_px * unit.height_px > MAX_PIXELS:
            self.reset()
            return None
        if self._context is None:
            if not unit.is_key:
                return None
            self._context = _open()
        data = b"".join(_START_CODE + nal for nal in unit.nals)
        try:
            frames = self._context.decode(av.Packet(data))
        except FFmpegError:
            self.reset()
            return None
        frame = frames[-1] if frames else None
        if frame is not None and frame.width * frame.height > MAX_PIXELS:
            self.reset()
            return None
        return frame


def _open() -> av.VideoCodecContext:
    context = av.VideoCodecContext.create("h264", "r")
    # More threads would hold a frame back each.
    context.thread_count = 1
    context.flags |= Flags.low_delay
    return context
