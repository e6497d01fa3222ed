"""A video frame whose planes are drawn into directly."""

import av
import numpy as np

from dev.phone.display.planes import Planes
from dev.phone.geometry import Size


def new_frame(size: Size) -> tuple[av.VideoFrame, Planes]:
    """Return a frame of an even size, and numpy views of its planes."""
    frame = av.VideoFrame(size.width_px, size.height_px, "yuv420p")
    arrays = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]
    return frame, Planes(*arrays)
