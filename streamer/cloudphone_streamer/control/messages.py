"""
Control messages of scrcpy 3.3.4, as bytes; all numbers are big-endian.

The reader on the phone is server/.../control/ControlMessageReader.java of scrcpy. It ignores a
touch or scroll whose picture size is not the current one, and it does not survive an unknown type.
"""

import struct
from enum import IntEnum

from cloudphone_protocol.channel import Key, KeyAction, Scroll, Text, Touch, TouchAction

MAX_INJECT_TEXT_BYTES = 300
"""Longest text that the server types at once."""

_FIXED_POINT_ONE_U16 = 0x10000
_FIXED_POINT_ONE_I16 = 0x8000
_MAX_SCROLL_NOTCHES = 16
_NO_SEQUENCE = 0
"""Asks for no acknowledgement of a clipboard."""


class MessageType(IntEnum):
    """First byte of a control message; those that are used here."""

    INJECT_KEYCODE = 0
    INJECT_TEXT = 1
    INJECT_TOUCH_EVENT = 2
    INJECT_SCROLL_EVENT = 3
    SET_CLIPBOARD = 9
    ROTATE_DEVICE = 11
    RESET_VIDEO = 17


_TOUCH_ACTION = {
    TouchAction.DOWN: 0,
    TouchAction.UP: 1,
    TouchAction.MOVE: 2,
    # scrcpy's server frees a finger on ACTION_UP only; after ACTION_CANCEL (3) it would count the
    # finger as down for ever and take each further touch for a second finger.
    TouchAction.CANCEL: 1,
}
"""Values of android.view.MotionEvent."""

_KEY_ACTION = {KeyAction.DOWN: 0, KeyAction.UP: 1}
"""Values of android.view.KeyEvent."""


def encode_touch(touch: Touch) -> bytes:
    """
    One finger.

    See `Controller.injectTouch`. The action button and the buttons are those of a mouse: none.
    """
    pressure = 0.0 if touch.action in (TouchAction.UP, TouchAction.CANCEL) else touch.pressure
    return struct.pack(
        ">BBQIIHHHII",
        MessageType.INJECT_TOUCH_EVENT,
        _TOUCH_ACTION[touch.action],
        touch.pointer,
        touch.x,
        touch.y,
        touch.width,
        touch.height,
        min(int(pressure * _FIXED_POINT_ONE_U16), 0xFFFF),
        0,
        0,
    )


def encode_scroll(scroll: Scroll) -> bytes:
    """A wheel turn; the amounts are fixed-point fractions of 16 notches."""
    return struct.pack(
        ">BIIHHhhI",
        MessageType.INJECT_SCROLL_EVENT,
        scroll.x,
        scroll.y,
        scroll.width,
        scroll.height,
        _to_fixed_i16(scroll.horizontal / _MAX_SCROLL_NOTCHES),
        _to_fixed_i16(scroll.vertical / _MAX_SCROLL_NOTCHES),
        0,
    )


def encode_key(key: Key) -> bytes:
    """One key by its Android key code."""
    return struct.pack(
        ">BBIII",
        MessageType.INJECT_KEYCODE,
        _KEY_ACTION[key.action],
        key.key_code,
        key.repeat,
        key.meta_state,
    )


def encode_text(text: Text) -> list[bytes]:
    """
    Text to type.

    Printable ASCII goes as key events, which every field of every app takes. Android has no key
    events for the rest (Chinese, emoji), so that is pasted; and a mixed text is pasted as a whole,
    since keys typed behind a paste could overtake it.
    """
    data = text.text.encode(errors="replace")
    if all(0x20 <= byte < 0x7F for byte in data):
        return [
            struct.pack(">BI", MessageType.INJECT_TEXT, len(part)) + part
            for part in (
                data[start : start + MAX_INJECT_TEXT_BYTES]
                for start in range(0, len(data), MAX_INJECT_TEXT_BYTES)
            )
        ]
    paste = True
    head = struct.pack(">BQ?I", MessageType.SET_CLIPBOARD, _NO_SEQUENCE, paste, len(data))
    return [head + data]


def encode_rotate() -> bytes:
    """Turn the phone by 90 degrees."""
    return bytes([MessageType.ROTATE_DEVICE])


def encode_reset_video() -> bytes:
    """Start the encoder anew: the only way to a key frame."""
    return bytes([MessageType.RESET_VIDEO])


def _to_fixed_i16(fraction: float) -> int:
    """A fraction of -1..1 in 16 bits, rounded towards zero as scrcpy's own client does."""
    return min(int(fraction * _FIXED_POINT_ONE_I16), _FIXED_POINT_ONE_I16 - 1)
