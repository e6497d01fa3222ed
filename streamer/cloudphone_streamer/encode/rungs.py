"""
The ladder: what a viewer is sent when the phone's own stream is too much, or not understood. Pure.

The lower rungs follow the deployment guide's adaptive presets (High 2 Mbps/30, Medium 1 Mbps/24,
Low 500 kbps/15), with more pictures a second: a phone is touched, and each frame is delay.
Neighbours differ by at least two in bitrate, so that a step down is felt by a queue at once.
"""

from dataclasses import dataclass

from cloudphone_protocol.session import VideoCodec


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """
    One encoding of the picture, shared by all viewers on it.

    Args:
        name: As metrics show it.
        codec: What a viewer must decode.
        bitrate_bps: Limit of the encoder; 0: the phone's own stream as it is.
        max_side_px: Limit of the longer side; smaller pictures keep their size.
        max_fps: Pictures a second at most.
    """

    name: str
    codec: VideoCodec
    bitrate_bps: int = 0
    max_side_px: int = 0
    max_fps: int = 0

    @property
    def is_passthrough(self) -> bool:
        """Whether nothing is encoded for it."""
        return not self.bitrate_bps


PASSTHROUGH = Rung(name="passthrough", codec=VideoCodec.H264)

_STEPS = (
    ("720p", 2_500_000, 1280, 30),
    ("480p", 1_000_000, 854, 30),
    ("360p", 500_000, 640, 24),
)


def _steps(codec: VideoCodec) -> tuple[Rung, ...]:
    return tuple(
        Rung(
            name=f"{codec.lower()}-{name}",
            codec=codec,
            bitrate_bps=bitrate_bps,
            max_side_px=max_side_px,
            max_fps=max_fps,
        )
        for name, bitrate_bps, max_side_px, max_fps in _STEPS
    )


LADDERS = {
    VideoCodec.H264: (PASSTHROUGH, *_steps(VideoCodec.H264)),
    VideoCodec.VP8: _steps(VideoCodec.VP8),
}
"""Rungs of each codec, the best first."""


def size_within(width_px: int, height_px: int, max_side_px: int) -> tuple[int, int]:
    """
    Size of a picture scaled down to a limit; even, since chroma has half the size.

    Args:
        width_px: At least 2.
        height_px: At least 2.
        max_side_px: Limit of the longer side.
    """
    longer_px = max(width_px, height_px)
    target_px = min(longer_px, max_side_px)
    return (
        max(2, round(width_px * target_px / longer_px / 2) * 2),
        max(2, round(height_px * target_px / longer_px / 2) * 2),
    )
