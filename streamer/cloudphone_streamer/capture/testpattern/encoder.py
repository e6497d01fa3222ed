"""H.264 of the test picture by x264 (through PyAV), for the lowest delay."""

from fractions import Fraction

import av
from av.video.frame import PictureType

from cloudphone_streamer.capture.testpattern.picture import Planes

_MICROSECONDS = Fraction(1, 1_000_000)
_QUALITY = 23
"""x264's rate factor; the bitrate is a limit on top, since a calm picture needs less."""


class PatternEncoder:
    """
    An encoder for pictures of one size, with the frame that they are drawn into.

    Args:
        width_px: Even.
        height_px: Even.
        fps: Frame rate.
        bitrate_bps: Limit.
        key_frame_interval_s: Seconds between key frames.
    """

    def __init__(
        self,
        *,
        width_px: int,
        height_px: int,
        fps: int,
        bitrate_bps: int,
        key_frame_interval_s: int,
    ) -> None:
        context = av.VideoCodecContext.create("libx264", "w")
        context.width = width_px
        context.height = height_px
        context.pix_fmt = "yuv420p"
        context.time_base = _MICROSECONDS
        context.framerate = Fraction(fps)
        context.gop_size = fps * key_frame_interval_s
        # One thread: more would add a frame of delay each, or slices that cost bits.
        context.thread_count = 1
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "crf": str(_QUALITY),
            "maxrate": str(bitrate_bps),
            # A quarter of a second: a key frame may be large, but not for long.
            "bufsize": str(bitrate_bps // 4),
        }
        self._context = context
        self._frame = av.VideoFrame(width_px, height_px, "yuv420p")
        luma, blue, red = self._frame.planes
        self.planes = Planes(
            luma=memoryview(luma),
            blue=memoryview(blue),
            red=memoryview(red),
            luma_stride=luma.line_size,
            chroma_stride=blue.line_size,
        )

    def encode(self, *, pts_us: int, key: bool) -> bytes:
        """
        Encode what is drawn in `planes`.

        Args:
            pts_us: Time; increases.
            key: Whether it has to be a key frame.
        Returns:
            Annex B byte stream of this one picture; parameter sets precede a key frame.
        """
        self._frame.pts = pts_us
        self._frame.time_base = _MICROSECONDS
        self._frame.pict_type = PictureType.I if key else PictureType.NONE
        return b"".join(bytes(packet) for packet in self._context.encode(self._frame))
