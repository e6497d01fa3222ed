"""
The clip of the fan-out benchmarks: its file, and the time in its pictures.

Senders use it, so it imports nothing that would count as their memory; `clip_encoder` makes it. A
file is a row of access units (Annex B), each behind its length as four bytes, most significant
first; `bench/go/clip` reads the same.
"""

import struct
import time
from collections.abc import Iterable
from pathlib import Path

FRAMES_PER_S = 60
WIDTH_PX = 720
HEIGHT_PX = 1280
_MARK = b"cloudphone-bench"
"""H.264 - D.1.7: unregistered user data begins with a UUID; all text, nothing to be escaped."""

_STAMP_DIGITS = 16
_LENGTH = struct.Struct("!I")


def write(path: Path, units: Iterable[bytes]) -> None:
    """Write a clip."""
    path.write_bytes(b"".join(_LENGTH.pack(len(unit)) + unit for unit in units))


def read(path: Path) -> list[bytes]:
    """Return the access units of a clip."""
    content = path.read_bytes()
    units = []
    position = 0
    while position < len(content):
        (size,) = _LENGTH.unpack_from(content, position)
        position += _LENGTH.size
        units.append(content[position : position + size])
        position += size
    return units


def stamped(unit: bytes) -> bytes:
    """Return an access unit with the present time in front of it, in an SEI message."""
    text = _MARK + f"{time.time_ns():0{_STAMP_DIGITS}x}".encode()
    # Start code, NAL type 6, payload type 5, payload size, trailing bits.
    return b"".join((b"\0\0\0\1\x06\x05", bytes([len(text)]), text, b"\x80", unit))
