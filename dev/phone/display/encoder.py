"""One H.264 encoder over the phone's picture: draws, stamps and encodes a frame at a time."""

import time
from fractions import Fraction

import av

from dev.phone.display.frame import new_frame
from dev.phone.display.screen import Screen
from dev.phone.geometry import Size
from dev.phone.state import PhoneState

_NAL_TYPE_SEI = 6
_START_CODE = b"\x00\x00\x00\x01"


class Encoder:
    """
    A picture of one size and the x264 encoder that it goes through.

    Constrained baseline, no reordering, no delay: each frame in is one access unit out, as from a
    phone's hardware encoder.

    Attributes:
        config: SPS and PPS with start codes, as MediaCodec gives them before the first frame.
    """

    def __init__(
        self,
        *,
        video: Size,
        bit_rate_bps: int,
        max_fps: float,
        key_frame_interval_s: float,
    ) -> None:
        """
        Open the encoder.

        Args:
            video: The video's size; sides are even.
            bit_rate_bps: What the encoder aims at.
            max_fps: The rate at which frames will come.
            key_frame_interval_s: As Android's `i-frame-interval`: 0 makes every frame a key frame,
                a negative one only the first.
        """
        self._key_frame_interval_s = key_frame_interval_s
        self._next_key_s = 0.0
        self._codec = av.CodecContext.create("libx264", "w")
        self._codec.width = video.width_px
        self._codec.height = video.height_px
        self._codec.pix_fmt = "yuv420p"
        self._codec.time_base = Fraction(1, 1_000_000)
        self._codec.framerate = Fraction(max_fps).limit_denominator(1000)
        self._codec.bit_rate = bit_rate_bps
        self._codec.thread_count = 1
        # Key frames come by time, not by count: a phone's do too.
        self._codec.gop_size = 1 << 20
        self._codec.flags |= av.codec.context.Flags.global_header
        self._codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "colorspace": "bt709",
            "color_primaries": "bt709",
            "color_trc": "bt709",
            "color_range": "tv",
            "maxrate": str(bit_rate_bps),
            "bufsize": str(bit_rate_bps // 2),
        }
        self._codec.open()
        self.config = _without_sei(bytes(self._codec.extradata or b""))
        self._frame, self._planes = new_frame(video)
        self._frame.time_base = self._codec.time_base
        self._screen: Screen | None = None

    def encode(self, state: PhoneState) -> tuple[bytes, bool, int]:
        """
        Draw and encode one frame.

        Returns:
            The access unit with start codes, whether it is a key frame, and the time of its
            drawing in microseconds of the monotonic clock.
        """
        screen = self._screen_of(state.display_size)
        screen.draw(state, time.time_ns() // 1_000_000)
        now_s = time.monotonic()
        is_key = now_s >= self._next_key_s
        if is_key:
            interval_s = self._key_frame_interval_s
            self._next_key_s = float("inf") if interval_s < 0 else now_s + interval_s
        self._frame.pict_type = (
            av.video.frame.PictureType.I if is_key else av.video.frame.PictureType.NONE
        )
        self._frame.pts = int(now_s * 1_000_000)
        screen.draw_clock(time.time_ns() // 1_000_000)
        unit = b"".join(bytes(packet) for packet in self._codec.encode(self._frame))
        return (_without_sei(unit) if is_key else unit), is_key, self._frame.pts

    def _screen_of(self, display: Size) -> Screen:
        """Return the renderer for the display as it is turned now, letterboxed where it must be."""
        if self._screen is None or self._screen.display != display:
            self._planes.clear()
            self._screen = Screen(display, self._planes.letterbox(display))
        return self._screen


def _without_sei(stream: bytes) -> bytes:
    """Drop x264's SEI with its version and options; a phone's encoder sends none."""
    nals = stream.replace(_START_CODE, _START_CODE[1:]).split(_START_CODE[1:])
    kept = [nal for nal in nals if nal and nal[0] & 0x1F != _NAL_TYPE_SEI]
    return b"".join(_START_CODE + nal for nal in kept)
