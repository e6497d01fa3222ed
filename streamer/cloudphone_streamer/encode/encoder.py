"""Frames into H.264 or VP8 for the lowest delay; used by one thread a rung of `transcoder`."""

from dataclasses import dataclass
from fractions import Fraction
from threading import Lock

import av
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import Interpolation, VideoReformatter

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.bitstream.nal import split_annex_b
from cloudphone_streamer.encode.rungs import Rung, size_within

_TICK_S = Fraction(1, 90_000)
_GOP_S = 10
"""Key frames come on request, which is local and cheap here; this is a safety net."""

_BUFFER_PER_S = 4
"""A quarter of a second of the bitrate: a key frame may be large, but not for long."""

_NAMES = {VideoCodec.H264: "libx264", VideoCodec.VP8: "libvpx"}

_OPTIONS = {
    VideoCodec.H264: {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "x264-params": "scenecut=0",
    },
    # The fastest of realtime modes; no frame is kept back.
    VideoCodec.VP8: {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPicture:
    """
    One picture of a rung.

    Args:
        parts: H.264: NAL units without start codes; VP8: one frame (RFC 6386 - 9).
        ticks: RTP time, 90 kHz, not cut to 32 bits.
        is_key: Whether decoding can start here.
    """

    parts: tuple[bytes, ...]
    ticks: int
    is_key: bool


class RungEncoder:
    """
    Encodes for one rung; the picture's size may change at any frame.

    Args:
        rung: Codec, size, rate.
        unscaled: Held while a frame is encoded that other encoders may have, too: its time and
            type are written into it.
    """

    def __init__(self, rung: Rung, unscaled: Lock) -> None:
        self._rung = rung
        self._unscaled = unscaled
        self._context: av.VideoCodecContext | None = None
        self._source_size = (0, 0)
        # Not `frame.reformat`: its scaler belongs to the frame, which other threads scale, too.
        self._scaler = VideoReformatter()

    def encode(self, frame: av.VideoFrame, *, ticks: int, key: bool) -> EncodedPicture | None:
        """
        Scale and encode one frame.

        Args:
            frame: Decoded picture.
            ticks: Its time; increases from call to call.
            key: Whether it has to be a key frame.
        Returns:
            The picture; None where the encoder dropped it to keep its rate.
        Raises:
            FFmpegError: If the encoder fails; it is opened anew for the next frame.
        """
        source_size = (frame.width, frame.height)
        if self._context is None or source_size != self._source_size:
            self._source_size = source_size
            self._context = _open(self._rung, *source_size)
        context = self._context
        scaled = self._scaler.reformat(
            frame,
            width=context.width,
            height=context.height,
            format="yuv420p",
            interpolation=Interpolation.FAST_BILINEAR,
        )
        try:
            if scaled is frame:
                with self._unscaled:
                    data, is_key = _encode(context, scaled, ticks, key)
            else:
                data, is_key = _encode(context, scaled, ticks, key)
        except FFmpegError:
            self._context = None
            raise
        if not data:
            return None
        return EncodedPicture(
            parts=tuple(split_annex_b(data)) if self._rung.codec is VideoCodec.H264 else (data,),
            ticks=ticks,
            is_key=is_key,
        )


def _encode(
    context: av.VideoCodecContext, frame: av.VideoFrame, ticks: int, key: bool
) -> tuple[bytes, bool]:
    """One picture's bytes, and whether decoding can start there."""
    frame.pts = ticks
    frame.time_base = _TICK_S
    frame.pict_type = PictureType.I if key else PictureType.NONE
    packets = context.encode(frame)
    return b"".join(bytes(packet) for packet in packets), any(p.is_keyframe for p in packets)


def _open(rung: Rung, width_px: int, height_px: int) -> av.VideoCodecContext:
    context = av.CodecContext.create(_NAMES[rung.codec], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size_within(width_px, height_px, rung.max_side_px)
    context.pix_fmt = "yuv420p"
    context.time_base = _TICK_S
    context.framerate = Fraction(rung.max_fps)
    context.gop_size = rung.max_fps * _GOP_S
    context.bit_rate = rung.bitrate_bps
    # One thread: more would add slices that cost bits, and the cores belong to many phones.
    context.thread_count = 1
    context.options = {
        **_OPTIONS[rung.codec],
        "maxrate": str(rung.bitrate_bps),
        "bufsize": str(rung.bitrate_bps // _BUFFER_PER_S),
    }
    return context
