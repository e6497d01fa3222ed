"""
Control messages from a client, byte for byte as scrcpy 3.3.4 lays them out.

Big-endian throughout. See scrcpy - doc/develop.md, "Control", and its `control_msg` tests.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

from dev.phone.geometry import Point, Size


class ControlProtocolError(ValueError):
    """A control message is not of the protocol."""


class Action(IntEnum):
    """Actions of key and touch events; see android.view.KeyEvent and MotionEvent."""

    DOWN = 0
    UP = 1
    MOVE = 2
    CANCEL = 3
    HOVER_MOVE = 7


class EmptyType(IntEnum):
    """Types of messages that have nothing after their type."""

    EXPAND_NOTIFICATION_PANEL = 5
    EXPAND_SETTINGS_PANEL = 6
    COLLAPSE_PANELS = 7
    ROTATE_DEVICE = 11
    OPEN_HARD_KEYBOARD_SETTINGS = 15
    RESET_VIDEO = 17


@dataclass(frozen=True, slots=True)
class Position:
    """A point, and the size of the video that the client saw it in."""

    point: Point
    video: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectKeycode:
    action: int
    keycode: int
    repeat: int
    meta_state: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectText:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectTouch:
    action: int
    pointer_id: int
    position: Position
    pressure: float
    action_button: int
    buttons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectScroll:
    position: Position
    horizontal: float
    vertical: float
    buttons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOrScreenOn:
    action: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GetClipboard:
    copy_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetClipboard:
    sequence: int
    paste: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDisplayPower:
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UhidCreate:
    device_id: int
    vendor_id: int
    product_id: int
    name: str
    report_descriptor: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UhidInput:
    device_id: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UhidDestroy:
    device_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartApp:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    type: EmptyType


ControlMessage = (
    InjectKeycode
    | InjectText
    | InjectTouch
    | InjectScroll
    | BackOrScreenOn
    | GetClipboard
    | SetClipboard
    | SetDisplayPower
    | UhidCreate
    | UhidInput
    | UhidDestroy
    | StartApp
    | Empty
)


def read_control_message(stream: BinaryIO) -> ControlMessage:
    """
    Read one message.

    Args:
        stream: A blocking stream; nothing is read beyond the message.
    Raises:
        EOFError: If the stream ends, at a message's start or within it.
        ControlProtocolError: If the type is unknown.
    """
    message_type = _take(stream, 1)[0]
    if message_type in set(EmptyType):
        return Empty(type=EmptyType(message_type))
    match message_type:
        case 0:
            action, keycode, repeat, meta_state = _unpack(stream, ">BiiI")
            return InjectKeycode(
                action=action, keycode=keycode, repeat=repeat, meta_state=meta_state
            )
        case 1:
            return InjectText(text=_take_string(stream, 4))
        case 2:
            action, pointer_id = _unpack(stream, ">Bq")
            position = _take_position(stream)
            pressure, action_button, buttons = _unpack(stream, ">HII")
            return InjectTouch(
                action=action,
                pointer_id=pointer_id,
                position=position,
                pressure=1.0 if pressure == 0xFFFF else pressure / 0x10000,
                action_button=action_button,
                buttons=buttons,
            )
        case 3:
            position = _take_position(stream)
            horizontal, vertical, buttons = _unpack(stream, ">hhI")
            return InjectScroll(
                position=position,
                horizontal=_scroll_amount(horizontal),
                vertical=_scroll_amount(vertical),
                buttons=buttons,
            )
        case 4:
            return BackOrScreenOn(action=_take(stream, 1)[0])
        case 8:
            return GetClipboard(copy_key=_take(stream, 1)[0])
        case 9:
            sequence, paste = _unpack(stream, ">qB")
            return SetClipboard(sequence=sequence, paste=paste != 0, text=_take_string(stream, 4))
        case 10:
            return SetDisplayPower(on=_take(stream, 1)[0] != 0)
        case 12:
            device_id, vendor_id, product_id = _unpack(stream, ">HHH")
            return UhidCreate(
                device_id=device_id,
                vendor_id=vendor_id,
                product_id=product_id,
                name=_take_string(stream, 1),
                report_descriptor=_take_bytes(stream, 2),
            )
        case 13:
            (device_id,) = _unpack(stream, ">H")
            return UhidInput(device_id=device_id, data=_take_bytes(stream, 2))
        case 14:
            (device_id,) = _unpack(stream, ">H")
            return UhidDestroy(device_id=device_id)
        case 16:
            return StartApp(name=_take_string(stream, 1))
    raise ControlProtocolError(f"Unknown event type: {message_type}")


def _scroll_amount(value: int) -> float:
    # A signed 16-bit fixed-point number whose full range stands for -16 to 16.
    return 16.0 if value == 0x7FFF else value / 0x8000 * 16


def _take(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, _take(stream, struct.calcsize(layout)))


def _take_bytes(stream: BinaryIO, length_bytes: int) -> bytes:
    return _take(stream, int.from_bytes(_take(stream, length_bytes), "big"))


def _take_string(stream: BinaryIO, length_bytes: int) -> str:
    return _take_bytes(stream, length_bytes).decode("utf-8", "replace")


def _take_position(stream: BinaryIO) -> Position:
    x_px, y_px, width_px, height_px = _unpack(stream, ">iiHH")
    return Position(Point(x_px, y_px), Size(width_px, height_px))
