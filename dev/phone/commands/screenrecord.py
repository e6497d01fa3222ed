"""
`screenrecord --output-format=h264 FILE`: the display as raw H.264, `-` for standard output.

As on phones before Android 14: at most 180 seconds, an I-frame every 10 seconds, SPS and PPS once,
and a rotation only letterboxes, since the encoder keeps its size.
"""

import argparse
import io
import sys
import time
from pathlib import Path

from dev.phone.display.encoder import Encoder
from dev.phone.display.pacing import Pace
from dev.phone.framework_client import FrameworkClient
from dev.phone.geometry import Size

_MAX_TIME_LIMIT_S = 180
_DEFAULT_BIT_RATE_BPS = 20_000_000
_KEY_FRAME_INTERVAL_S = 10


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="screenrecord", description=__doc__, allow_abbrev=False)
    parser.add_argument("--output-format", choices=["h264"], required=True)
    parser.add_argument("--size", type=_parse_size)
    parser.add_argument("--bit-rate", type=_parse_bit_rate, default=_DEFAULT_BIT_RATE_BPS)
    parser.add_argument("--time-limit", type=_parse_time_limit, default=_MAX_TIME_LIMIT_S)
    parser.add_argument("filename")
    options = parser.parse_args(arguments)
    try:
        if options.filename == "-":
            with open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as output:
                _record(options, output)
        else:
            with Path(options.filename).open("wb", buffering=0) as file:
                _record(options, file)
    except BrokenPipeError:
        # The reader is gone: the usual end of a recording to standard output.
        return 1
    return 0


def _record(options: argparse.Namespace, sink: io.RawIOBase) -> None:
    framework = FrameworkClient()
    framework.watch(lambda _before, _after: None)
    fps = float(framework.state.properties["ro.boot.redroid_fps"])
    encoder = Encoder(
        video=options.size or framework.state.display_size,
        bit_rate_bps=options.bit_rate,
        max_fps=fps,
        key_frame_interval_s=_KEY_FRAME_INTERVAL_S,
    )
    pace = Pace(fps)
    deadline_s = time.monotonic() + options.time_limit
    _write(sink, encoder.config)
    while time.monotonic() < deadline_s:
        unit, _, _ = encoder.encode(framework.state)
        _write(sink, unit)
        pace.wait()


def _write(sink: io.RawIOBase, data: bytes) -> None:
    # A raw write to a pipe may take a part only.
    rest = memoryview(data)
    while rest:
        rest = rest[sink.write(rest) or 0 :]


def _parse_size(text: str) -> Size:
    width, _, height = text.partition("x")
    size = Size(int(width), int(height))
    if size.width_px < 2 or size.height_px < 2 or size.width_px % 2 or size.height_px % 2:
        raise ValueError(f"size is {text}; expected even numbers of pixels")
    return size


def _parse_bit_rate(text: str) -> int:
    is_mega = text[-1:] in {"M", "m"}
    bit_rate_bps = int(text[:-1]) * 1_000_000 if is_mega else int(text)
    if not 100_000 <= bit_rate_bps <= 200_000_000:
        raise ValueError(f"bit rate is {text}; expected 100000..200000000")
    return bit_rate_bps


def _parse_time_limit(text: str) -> int:
    limit_s = int(text)
    if not 0 < limit_s <= _MAX_TIME_LIMIT_S:
        raise ValueError(f"time limit is {text}; expected 1..{_MAX_TIME_LIMIT_S} seconds")
    return limit_s
