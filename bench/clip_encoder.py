"""Makes the clip of the fan-out benchmarks by x264, once; it is kept in the cache."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bench.clip import FRAMES_PER_S, HEIGHT_PX, WIDTH_PX, write
from dev.tools import paths
from dev.tools.progress import Progress

BIT_RATE_BPS = 8_000_000
GOP_FRAMES = 60

_SECONDS = 5


def ensure_clip(progress: Progress) -> Path:
    """Return the clip's path; make it where it is not yet in the cache."""
    name = f"clip-{WIDTH_PX}x{HEIGHT_PX}-{FRAMES_PER_S}-{BIT_RATE_BPS}-{GOP_FRAMES}.bin"
    path = paths.cache() / "bench" / name
    if not path.is_file():
        progress("encoding the clip")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{name}.unfinished")
        write(unfinished, _encode())
        unfinished.replace(path)
    return path


def _encode() -> list[bytes]:
    """Noise under a moving bar, so that the bit rate is met."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = WIDTH_PX, HEIGHT_PX
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, FRAMES_PER_S)
    codec.framerate = Fraction(FRAMES_PER_S)
    codec.bit_rate = BIT_RATE_BPS
    codec.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:scenecut=0:repeat-headers=1"
        ":annexb=1:sliced-threads=0:threads=1",
    }
    random = np.random.default_rng(1)
    noise = random.integers(100, 120, (2 * HEIGHT_PX, WIDTH_PX), dtype=np.uint8)
    units: list[bytes] = []
    for number in range(_SECONDS * FRAMES_PER_S):
        picture = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, dtype=np.uint8)
        shift = int(random.integers(HEIGHT_PX))
        picture[:HEIGHT_PX] = noise[shift : shift + HEIGHT_PX]
        row = number * 8 % HEIGHT_PX
        picture[row : row + 32] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        units.extend(bytes(packet) for packet in codec.encode(frame))
    units.extend(bytes(packet) for packet in codec.encode(None))
    return units
