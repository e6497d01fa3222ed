import json
from typing import Any

import pytest

from dev.phone import keyboard
from dev.phone.geometry import Point, Size, video_size
from dev.phone.state import (
    PhoneState,
    StateError,
    apply_event,
    parse_state,
    to_wire,
    without_owner,
)

BOOTED = PhoneState(natural_size=Size(720, 1280))


def after(*events: dict[str, Any], state: PhoneState = BOOTED) -> PhoneState:
    for event in events:
        state = apply_event(state, event, "1")
    return state


def key(keycode: int, meta: int = 0) -> dict[str, Any]:
    return {"type": "key_down", "keycode": keycode, "meta": meta}


def test_fingers_of_several_owners_are_apart_and_go_with_their_owner() -> None:
    down = {"type": "finger_down", "pointer": -2, "x": 3, "y": 4}
    state = apply_event(apply_event(BOOTED, down, "1"), {**down, "x": 5}, "2")
    assert state.fingers == {"1/-2": Point(3, 4), "2/-2": Point(5, 4)}
    assert without_owner(state, "1").fingers == {"2/-2": Point(5, 4)}


def test_a_rotation_swaps_the_sides_and_lifts_the_fingers() -> None:
    down = {"type": "finger_down", "pointer": 1, "x": 3, "y": 4}
    state = after(down, {"type": "rotate"})
    assert (state.rotation, state.display_size, state.fingers) == (1, Size(1280, 720), {})
    assert after({"type": "rotate"}, state=state).display_size == Size(720, 1280)


def test_keys_type_what_android_types() -> None:
    shift = keyboard.META_SHIFT_ON
    state = after(key(36, shift), key(37), key(62), key(8, shift), key(67), key(17), key(66))
    assert state.text == "Hi *\n"
    assert state.last_key == 66


def test_text_is_cut_copied_and_pasted() -> None:
    ctrl = keyboard.META_CTRL_ON
    state = after({"type": "text", "text": "ab"}, key(keyboard.KEYCODE_CUT))
    assert (state.text, state.clipboard) == ("", "ab")
    state = after(key(keyboard.KEYCODE_V, ctrl), key(keyboard.KEYCODE_PASTE), state=state)
    assert state.text == "abab"


def test_a_power_key_turns_the_screen_off_and_on() -> None:
    assert not after(key(26)).screen_on
    assert after(key(26), key(26)).screen_on


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({}, id="no type"),
        pytest.param({"type": "explode"}, id="unknown type"),
        pytest.param({"type": "finger_down", "pointer": 1, "x": "a", "y": 1}, id="no number"),
        pytest.param({"type": "text"}, id="field missing"),
    ],
)
def test_an_event_that_is_not_valid_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(StateError):
        apply_event(BOOTED, event, "1")


def test_a_state_goes_through_json_unchanged() -> None:
    state = after(
        {"type": "finger_down", "pointer": 1, "x": 3, "y": 4},
        {"type": "property", "name": "sys.boot_completed", "value": "1"},
        {"type": "clipboard", "text": "你好"},
        key(29),
    )
    assert parse_state(json.loads(json.dumps(to_wire(state)))) == state


@pytest.mark.parametrize(
    ("character", "can"),
    [
        ("a", True),
        ("~", True),
        ("\n", True),
        ("é", True),
        ("你", False),
        ("😀", False),
        ("ç", False),
    ],
)
def test_only_what_a_virtual_keyboard_has_is_injected(character: str, can: bool) -> None:
    assert keyboard.can_be_injected(character) == can


@pytest.mark.parametrize(
    ("display", "max_size", "video"),
    [
        (Size(720, 1280), 0, Size(720, 1280)),
        (Size(720, 1280), 1024, Size(576, 1024)),
        (Size(1080, 1920), 1280, Size(720, 1280)),
        (Size(1280, 720), 800, Size(800, 448)),
        (Size(1084, 1924), 0, Size(1088, 1920)),
    ],
)
def test_video_sizes_are_scrcpys(display: Size, max_size: int, video: Size) -> None:
    assert video_size(display, max_size) == video
