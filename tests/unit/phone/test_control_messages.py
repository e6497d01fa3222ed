import io

import pytest

from dev.phone.geometry import Point, Size
from dev.phone.scrcpy.control_messages import (
    BackOrScreenOn,
    ControlMessage,
    ControlProtocolError,
    Empty,
    EmptyType,
    GetClipboard,
    InjectKeycode,
    InjectScroll,
    InjectText,
    InjectTouch,
    Position,
    SetClipboard,
    SetDisplayPower,
    StartApp,
    UhidCreate,
    UhidDestroy,
    UhidInput,
    read_control_message,
)

MESSAGES = [
    pytest.param(
        "00"  # type: inject keycode
        "01"  # action: up
        "00000042"  # keycode: enter
        "00000005"  # repeat
        "00000041",  # meta state: shift, left shift
        InjectKeycode(action=1, keycode=66, repeat=5, meta_state=0x41),
        id="keycode",
    ),
    pytest.param(
        "01"  # type: inject text
        "00000006"  # length
        "e4bda0e5a5bd",  # text
        InjectText(text="你好"),
        id="text",
    ),
    pytest.param(
        "02"  # type: inject touch
        "00"  # action: down
        "1234567887654321"  # pointer id
        "00000064000000c8"  # x, y
        "04380780"  # width, height
        "ffff"  # pressure: 1
        "00000001"  # action button: primary
        "00000001",  # buttons: primary
        InjectTouch(
            action=0,
            pointer_id=0x1234567887654321,
            position=Position(Point(100, 200), Size(1080, 1920)),
            pressure=1.0,
            action_button=1,
            buttons=1,
        ),
        id="touch",
    ),
    pytest.param(
        "03"  # type: inject scroll
        "0000010400000402"  # x, y
        "04380780"  # width, height
        "8000"  # horizontal: -16
        "0800"  # vertical: 1
        "00000001",  # buttons
        InjectScroll(
            position=Position(Point(260, 1026), Size(1080, 1920)),
            horizontal=-16.0,
            vertical=1.0,
            buttons=1,
        ),
        id="scroll",
    ),
    pytest.param("0401", BackOrScreenOn(action=1), id="back"),
    pytest.param("05", Empty(type=EmptyType.EXPAND_NOTIFICATION_PANEL), id="notifications"),
    pytest.param("06", Empty(type=EmptyType.EXPAND_SETTINGS_PANEL), id="settings"),
    pytest.param("07", Empty(type=EmptyType.COLLAPSE_PANELS), id="collapse"),
    pytest.param("0802", GetClipboard(copy_key=2), id="get clipboard"),
    pytest.param(
        "09"  # type: set clipboard
        "0102030405060708"  # sequence
        "01"  # paste
        "00000002"  # length
        "6869",  # text
        SetClipboard(sequence=0x0102030405060708, paste=True, text="hi"),
        id="set clipboard",
    ),
    pytest.param("0a00", SetDisplayPower(on=False), id="display power"),
    pytest.param("0b", Empty(type=EmptyType.ROTATE_DEVICE), id="rotate"),
    pytest.param(
        "0c"  # type: UHID create
        "002a12345678"  # id, vendor, product
        "0141"  # name
        "0003010203",  # report descriptor
        UhidCreate(
            device_id=42,
            vendor_id=0x1234,
            product_id=0x5678,
            name="A",
            report_descriptor=bytes([1, 2, 3]),
        ),
        id="UHID create",
    ),
    pytest.param("0d002a00020102", UhidInput(device_id=42, data=bytes([1, 2])), id="UHID input"),
    pytest.param("0e002a", UhidDestroy(device_id=42), id="UHID destroy"),
    pytest.param("0f", Empty(type=EmptyType.OPEN_HARD_KEYBOARD_SETTINGS), id="keyboard settings"),
    pytest.param("100461626364", StartApp(name="abcd"), id="start app"),
    pytest.param("11", Empty(type=EmptyType.RESET_VIDEO), id="reset video"),
]


@pytest.mark.parametrize(("wire", "message"), MESSAGES)
def test_a_message_is_read_and_nothing_beyond_it(wire: str, message: ControlMessage) -> None:
    stream = io.BytesIO(bytes.fromhex(wire) + b"next")
    assert read_control_message(stream) == message
    assert stream.read() == b"next"


@pytest.mark.parametrize(("wire", "message"), MESSAGES)
def test_a_message_that_is_cut_short_is_the_end(wire: str, message: ControlMessage) -> None:
    for length in range(len(wire) // 2):
        with pytest.raises(EOFError):
            read_control_message(io.BytesIO(bytes.fromhex(wire)[:length]))


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ControlProtocolError, match="Unknown event type: 18"):
        read_control_message(io.BytesIO(b"\x12"))
