"""Control messages of scrcpy 3.3.4, byte by byte, and whose finger is whose."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_protocol.channel import Key, KeyAction, Scroll, Text, Touch, TouchAction
from cloudphone_streamer.control.messages import (
    encode_key,
    encode_reset_video,
    encode_rotate,
    encode_scroll,
    encode_text,
    encode_touch,
)
from cloudphone_streamer.control.pointers import MAX_FINGERS, PointerTracker


def touch(
    action: str = "down",
    *,
    pointer: int = 0,
    x: int = 100,
    y: int = 200,
    width: int = 720,
    height: int = 1280,
    pressure: float = 1.0,
) -> Touch:
    return Touch(
        type="touch",
        action=TouchAction(action),
        pointer=pointer,
        x=x,
        y=y,
        width=width,
        height=height,
        pressure=pressure,
    )


def test_a_touch_is_32_bytes() -> None:
    assert encode_touch(touch(action="move", pointer=9, pressure=0.5)) == bytes.fromhex(
        "02"  # type: touch
        "02"  # action: move
        "0000000000000009"  # pointer
        "00000064"  # x: 100
        "000000c8"  # y: 200
        "02d0"  # width of the picture: 720
        "0500"  # height of the picture: 1280
        "8000"  # pressure: 0.5
        "00000000"  # action button: none
        "00000000"  # buttons: none
    )


@pytest.mark.parametrize(
    ("action", "code", "pressure"),
    [
        pytest.param("down", 0, 0xFFFF, id="down presses"),
        pytest.param("move", 2, 0xFFFF, id="move presses"),
        pytest.param("up", 1, 0, id="up does not press"),
        pytest.param("cancel", 1, 0, id="cancel is an up: the server frees fingers on up only"),
    ],
)
def test_touch_actions_are_those_of_motion_event(action: str, code: int, pressure: int) -> None:
    message = encode_touch(touch(action=action))
    assert message[1] == code
    assert struct.unpack_from(">H", message, 22)[0] == pressure


def test_a_scroll_is_21_bytes() -> None:
    scroll = Scroll(type="scroll", x=1, y=2, width=720, height=1280, horizontal=-16.0, vertical=1.0)
    assert encode_scroll(scroll) == bytes.fromhex(
        "03"  # type: scroll
        "00000001"  # x
        "00000002"  # y
        "02d0"  # width of the picture: 720
        "0500"  # height of the picture: 1280
        "8000"  # 16 notches to the left: -1.0
        "0800"  # one notch up: 1/16
        "00000000"  # buttons: none
    )


def test_the_largest_scroll_does_not_wrap_around() -> None:
    scroll = Scroll(type="scroll", x=0, y=0, width=1, height=1, horizontal=16, vertical=16)
    assert encode_scroll(scroll)[13:17] == bytes.fromhex("7fff7fff")


def test_a_key_is_14_bytes() -> None:
    key = Key(type="key", action=KeyAction.UP, key_code=66, meta_state=0x1001, repeat=3)
    assert encode_key(key) == bytes.fromhex(
        "00"  # type: key
        "01"  # action: up
        "00000042"  # KEYCODE_ENTER
        "00000003"  # repeat
        "00001001"  # meta state: control and shift
    )


def test_messages_without_content_are_their_type() -> None:
    assert encode_rotate() == b"\x0b"
    assert encode_reset_video() == b"\x11"


def test_ascii_is_typed() -> None:
    assert encode_text(Text(type="text", text="ab ~")) == [
        bytes.fromhex("01 00000004") + b"ab ~"  # type, length, text
    ]


def test_a_long_text_is_typed_in_parts_of_300_bytes() -> None:
    messages = encode_text(Text(type="text", text="x" * 601))
    assert [message[:5].hex() for message in messages] == ["010000012c", "010000012c", "0100000001"]


def test_text_that_no_key_types_is_pasted_as_a_whole() -> None:
    assert encode_text(Text(type="text", text="hi 你\n")) == [
        bytes.fromhex(
            "09"  # type: clipboard
            "0000000000000000"  # no acknowledgement
            "01"  # paste it
            "00000007"  # length in bytes
            "6869 20 e4bda0 0a"
        )
    ]


@given(st.text(min_size=1, max_size=2000))
def test_no_text_is_lost(text: str) -> None:
    messages = encode_text(Text(type="text", text=text))
    heads = {1: 5, 9: 14}
    typed = b"".join(message[heads[message[0]] :] for message in messages)
    assert typed == text.encode()


def test_fingers_of_two_viewers_are_kept_apart() -> None:
    tracker = PointerTracker()
    assert tracker.apply("a", touch(pointer=0)) == (touch(pointer=0),)
    assert tracker.apply("b", touch(pointer=0)) == (touch(pointer=1),)
    assert tracker.apply("b", touch("move", pointer=0)) == (touch("move", pointer=1),)
    assert tracker.apply("a", touch("up", pointer=0)) == (touch("up", pointer=0),)
    assert tracker.apply("a", touch(pointer=77)) == (touch(pointer=0),)


@pytest.mark.parametrize("action", ["move", "up", "cancel"])
def test_what_a_finger_does_that_is_not_down_is_dropped(action: str) -> None:
    tracker = PointerTracker()
    assert tracker.apply("a", touch(action)) == ()
    tracker.apply("a", touch())
    tracker.apply("a", touch("up"))
    assert tracker.apply("a", touch(action)) == ()


def test_a_lost_up_is_made_up_for() -> None:
    tracker = PointerTracker()
    tracker.apply("a", touch(x=1))
    assert tracker.apply("a", touch(x=5)) == (touch("up", x=1), touch(x=5))
    assert tracker.down_count == 1


def test_the_eleventh_finger_is_dropped() -> None:
    tracker = PointerTracker()
    for pointer in range(MAX_FINGERS):
        assert tracker.apply("a", touch(pointer=pointer)) == (touch(pointer=pointer),)
    assert tracker.apply("b", touch()) == ()
    assert tracker.apply("b", touch("move")) == ()


def test_the_fingers_of_a_viewer_who_is_gone_are_lifted_where_they_were() -> None:
    tracker = PointerTracker()
    tracker.apply("a", touch(pointer=4, x=1))
    tracker.apply("b", touch(pointer=4, x=2))
    tracker.apply("b", touch("move", pointer=4, x=3))
    assert tracker.release_all("b") == (touch("up", pointer=1, x=3),)
    assert tracker.release_all("b") == ()
    assert tracker.down_count == 1


def test_a_rotation_lifts_all_fingers_on_the_new_picture() -> None:
    tracker = PointerTracker()
    assert tracker.set_picture_size(720, 1280) == ()
    tracker.apply("a", touch(x=700, y=1000))
    assert tracker.set_picture_size(720, 1280) == ()
    assert tracker.set_picture_size(1280, 720) == (
        touch("up", x=700, y=719, width=1280, height=720),
    )
    assert tracker.apply("a", touch("up", width=1280, height=720)) == ()


def test_a_touch_on_a_picture_of_another_size_is_dropped() -> None:
    tracker = PointerTracker()
    tracker.set_picture_size(1280, 720)
    assert tracker.apply("a", touch()) == ()
    assert tracker.down_count == 0


STEPS = st.tuples(
    st.sampled_from("abc"), st.sampled_from(TouchAction), st.integers(0, 12), st.booleans()
)


@given(st.lists(STEPS, max_size=80))
def test_the_phone_never_sees_a_finger_do_what_it_cannot(
    steps: list[tuple[str, TouchAction, int, bool]],
) -> None:
    tracker = PointerTracker()
    down = set()
    for viewer, action, pointer, leaves in steps:
        events = tracker.release_all(viewer) if leaves else tracker.apply(
            viewer, touch(action, pointer=pointer)
        )  # fmt: skip
        for event in events:
            assert 0 <= event.pointer < MAX_FINGERS
            assert (event.pointer in down) == (event.action != TouchAction.DOWN)
            if event.action == TouchAction.DOWN:
                down.add(event.pointer)
            elif event.action != TouchAction.MOVE:
                down.remove(event.pointer)
        assert len(down) == tracker.down_count
    for viewer in "abc":
        tracker.release_all(viewer)
    assert tracker.down_count == 0
