"""
Draws text with GNU Unifont, a bitmap font that has a glyph for almost every character.

Its `.hex` file has one line a character, `0041:` and 32 or 64 hexadecimal digits for 16 rows of 8
or 16 pixels, sorted by code point. See https://unifoundry.com/unifont/ - Unifont Utilities.
"""

import mmap
from functools import lru_cache
from pathlib import Path

import numpy as np

from dev.phone.display.planes import Mask

GLYPH_HEIGHT_PX = 16
_FONT_PATH = Path("/usr/share/unifont/unifont_all.hex")
_REPLACEMENT = 0xFFFD


@lru_cache(maxsize=1)
def _font() -> mmap.mmap:
    with _FONT_PATH.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@lru_cache(maxsize=1024)
def glyph(character: str) -> Mask:
    """Return a character's pixels: 16 rows of 8 or 16."""
    font = _font()
    start = font.find(_line_start(ord(character)))
    if start < 0:
        start = font.find(_line_start(_REPLACEMENT))
    start = font.find(b":", start) + 1
    row_bytes = bytes.fromhex(font[start : font.find(b"\n", start)].decode("ascii"))
    rows = np.frombuffer(row_bytes, np.uint8).reshape(GLYPH_HEIGHT_PX, -1)
    return np.unpackbits(rows, axis=1).astype(np.bool_)


def _line_start(code_point: int) -> bytes:
    digits = 4 if code_point <= 0xFFFF else 6
    return f"\n{code_point:0{digits}X}:".encode()


def text_line(text: str, scale: int) -> Mask:
    """Return a line of text as pixels, each glyph pixel `scale` pixels wide and high."""
    if not text:
        return np.zeros((GLYPH_HEIGHT_PX * scale, 0), np.bool_)
    line = np.concatenate([glyph(character) for character in text], axis=1)
    return line.repeat(scale, axis=0).repeat(scale, axis=1)


def wrap(text: str, width_px: int, scale: int) -> list[str]:
    """Break text into lines that fit, at any character; a line feed always breaks."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.append("")
        used_px = 0
        for character in paragraph:
            glyph_px = glyph(character).shape[1] * scale
            if used_px + glyph_px > width_px:
                lines.append("")
                used_px = 0
            lines[-1] += character
            used_px += glyph_px
    return lines
