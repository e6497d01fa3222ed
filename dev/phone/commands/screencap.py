"""`screencap [-p] [FILE]`: one picture, as PNG or as raw RGBA with Android's header."""

import struct
import sys
import time
import zlib
from pathlib import Path

import av
import numpy as np

from dev.phone.display.frame import new_frame
from dev.phone.display.screen import Screen
from dev.phone.framework_client import FrameworkClient

_PIXEL_FORMAT_RGBA_8888 = 1
_COLOR_SPACE_SRGB = 1
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def main(arguments: list[str]) -> int:
    is_png = "-p" in arguments
    names = [argument for argument in arguments if argument != "-p"]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        print("usage: screencap [-p] [FILENAME]", file=sys.stderr)
        return 1
    picture = _capture(is_png=is_png or (bool(names) and names[0].endswith(".png")))
    if names:
        Path(names[0]).write_bytes(picture)
    else:
        sys.stdout.buffer.write(picture)
        sys.stdout.flush()
    return 0


def _capture(*, is_png: bool) -> bytes:
    state = FrameworkClient().state
    size = state.display_size
    frame, planes = new_frame(size)
    screen = Screen(size, planes)
    screen.draw(state, time.time_ns() // 1_000_000)
    screen.draw_clock(time.time_ns() // 1_000_000)
    pixels = _rgba(frame)
    if is_png:
        return _png(size.width_px, size.height_px, pixels)
    header = struct.pack(
        "<4I", size.width_px, size.height_px, _PIXEL_FORMAT_RGBA_8888, _COLOR_SPACE_SRGB
    )
    return header + pixels


def _rgba(frame: av.VideoFrame) -> bytes:
    plane = frame.reformat(format="rgba", src_colorspace="ITU709", dst_colorspace="ITU709").planes[
        0
    ]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[:, : frame.width * 4].tobytes()


def _png(width: int, height: int, pixels: bytes) -> bytes:
    """Return a PNG. See the PNG Specification, 5 Datastream structure; every row is unfiltered."""
    stride = width * 4
    rows = b"".join(b"\0" + pixels[row * stride : (row + 1) * stride] for row in range(height))
    header = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return _PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
