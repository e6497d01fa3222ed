"""Messages from viewers: everything on the data channel is hostile until it fits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_protocol.channel import (
    MAX_MESSAGE_BYTES,
    Key,
    KeyAction,
    Ping,
    Rotate,
    Scroll,
    State,
    StreamState,
    Text,
    Touch,
    TouchAction,
    parse_from_viewer,
)
from cloudphone_protocol.errors import InvalidMessage

TOUCH = {
    "type": "touch",
    "action": "down",
    "pointer": 0,
    "x": 1,
    "y": 2,
    "width": 720,
    "height": 1280,
}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            TOUCH,
            Touch(
                type="touch", action=TouchAction.DOWN, pointer=0, x=1, y=2, width=720, height=1280
            ),
        ),
        (
            {"type": "key", "action": "up", "keyCode": 4},
            Key(type="key", action=KeyAction.UP, key_code=4),
        ),
        ({"type": "text", "text": "你好 🎉"}, Text(type="text", text="你好 🎉")),
        (
            {"type": "scroll", "x": 0, "y": 0, "width": 1, "height": 1, "vertical": -1},
            Scroll(type="scroll", x=0, y=0, width=1, height=1, vertical=-1),
        ),
        ({"type": "rotate"}, Rotate(type="rotate")),
        ({"type": "ping", "sentMs": 12.5}, Ping(type="ping", sent_ms=12.5)),
    ],
)
def test_messages_of_a_viewer(body: dict[str, object], message: object) -> None:
    assert parse_from_viewer(json.dumps(body)) == message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"x": -1}, "x is -1"),
        ({"y": 1e9}, "y is 1000000000.0"),
        ({"width": 0}, "width is 0"),
        ({"action": "hover"}, "action is 'hover'"),
        ({"pressure": 2}, "pressure is 2"),
        ({"pointer": "thumb"}, "pointer is 'thumb'"),
        ({"type": "shell"}, "shell"),
    ],
)
def test_a_touch_that_does_not_fit_is_refused_by_field(
    change: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        parse_from_viewer(json.dumps(TOUCH | change))
    assert field in str(refusal.value)


@pytest.mark.parametrize("moment", ["NaN", "Infinity", "1e999"])
def test_a_ping_without_a_moment_is_refused(moment: str) -> None:
    with pytest.raises(InvalidMessage, match="finite"):
        parse_from_viewer(f'{{"type": "ping", "sentMs": {moment}}}')


def test_a_message_beyond_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidMessage, match="expected at most"):
        parse_from_viewer("[" * (MAX_MESSAGE_BYTES + 1))


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_an_invalid_message_and_nothing_worse(data: bytes | str) -> None:
    with pytest.raises(InvalidMessage):
        parse_from_viewer(data)


def test_a_state_says_what_the_viewer_should_know() -> None:
    state = State(
        state=StreamState.RECONNECTING,
        reason="LinkLost",
        message="The phone is away.",
        may_control=True,
    )
    assert json.loads(state.to_json()) == {
        "type": "state",
        "state": "reconnecting",
        "reason": "LinkLost",
        "message": "The phone is away.",
        "mayControl": True,
    }
