"""The value that flows from capture to viewers: one encoded picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessUnit:
    """
    One picture in decode order, H.264 (ITU-T H.264 - 7.4.1.2.3).

    Args:
        nals: NAL units without start codes; SPS and PPS precede every IDR slice.
        pts_us: Capture clock; monotonic within a source.
        is_key: Whether decoding can start here.
        width_px: Width of the picture, cropping applied, from the SPS in force.
        height_px: Height of the picture, cropping applied, from the SPS in force.
    """

    nals: tuple[bytes, ...]
    pts_us: int
    is_key: bool
    width_px: int
    height_px: int
