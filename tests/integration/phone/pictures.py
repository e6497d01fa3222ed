"""Decodes what the phone sends."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import av
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture: its luma and its colours, rows first."""

    luma: npt.NDArray[np.uint8]
    rgb: npt.NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.luma.shape
        return width, height


def decode(data: bytes, kind: str = "h264") -> Iterator[Picture]:
    """Decode raw H.264, or a PNG as `png_pipe`."""
    with av.open(BytesIO(data), "r", format=kind) as container:
        for frame in container.decode(video=0):
            luma, rgb = (np.asarray(frame.to_ndarray(format=name)) for name in ("gray", "rgb24"))
            yield Picture(luma.astype(np.uint8), rgb.astype(np.uint8))
