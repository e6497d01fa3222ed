"""
The phone's state, and what each event changes in it. Pure.

The framework owns the one state and applies events to it; scrcpy servers and commands see copies.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from dev.phone import keyboard
from dev.phone.geometry import Point, Size

_MAX_TEXT_LENGTH = 2000


class StateError(ValueError):
    """An event or a state in wire form is not valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneState:
    """
    All that commands, servers and the picture depend on.

    Attributes:
        natural_size: the display in its natural orientation.
        rotation: quarter turns counter-clockwise, 0 to 3.
        fingers: where fingers are down, in pixels of the rotated display, by `owner/pointer`.
        text: the text field's content; the picture shows its end.
        clipboard: the clipboard's text.
        last_key: the key code pressed last, or None.
        screen_on: whether the display is lit.
        properties: Android system properties.
    """

    natural_size: Size
    rotation: int = 0
    fingers: dict[str, Point] = field(default_factory=dict)
    text: str = ""
    clipboard: str = ""
    last_key: int | None = None
    screen_on: bool = True
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def display_size(self) -> Size:
        """The display as it is turned now."""
        return self.natural_size.rotated() if self.rotation % 2 else self.natural_size


def apply_event(state: PhoneState, event: dict[str, Any], owner: str) -> PhoneState:
    """
    Return the state after an event.

    Args:
        state: The state before.
        event: `type` and the fields that the type has below.
        owner: The connection that sent it; its fingers are its own.
    Raises:
        StateError: If the event's type is unknown or a field is missing.
    """
    try:
        match event["type"]:
            case "finger_down":
                point = Point(int(event["x"]), int(event["y"]))
                return replace(
                    state, fingers={**state.fingers, f"{owner}/{event['pointer']}": point}
                )
            case "finger_up":
                return _without_fingers(state, f"{owner}/{event['pointer']}")
            case "text":
                return _type(state, str(event["text"]))
            case "key_down":
                return _press(state, int(event["keycode"]), int(event["meta"]))
            case "clipboard":
                return replace(state, clipboard=str(event["text"]))
            case "rotate":
                # As Android's window manager does for scrcpy: 0 and 2 become 1, 1 and 3 become 0.
                return replace(state, rotation=(state.rotation & 1) ^ 1, fingers={})
            case "screen":
                return replace(state, screen_on=bool(event["on"]))
            case "property":
                properties = {**state.properties, str(event["name"]): str(event["value"])}
                return replace(state, properties=properties)
            case unknown:
                raise StateError(f"event.type is {unknown!r}; expected a known type")
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"event is {event!r}: {error!r}") from error


def without_owner(state: PhoneState, owner: str) -> PhoneState:
    """Return the state after a connection is gone: its fingers are lifted."""
    gone = [key for key in state.fingers if key.startswith(f"{owner}/")]
    return _without_fingers(state, *gone)


def to_wire(state: PhoneState) -> dict[str, Any]:
    """Return the state as JSON values."""
    return {
        "size": [state.natural_size.width_px, state.natural_size.height_px],
        "rotation": state.rotation,
        "fingers": {key: [point.x_px, point.y_px] for key, point in state.fingers.items()},
        "text": state.text,
        "clipboard": state.clipboard,
        "last_key": state.last_key,
        "screen_on": state.screen_on,
        "properties": state.properties,
    }


def parse_state(wire: dict[str, Any]) -> PhoneState:
    """Read what `to_wire` returned."""
    return PhoneState(
        natural_size=Size(*wire["size"]),
        rotation=wire["rotation"],
        fingers={key: Point(*point) for key, point in wire["fingers"].items()},
        text=wire["text"],
        clipboard=wire["clipboard"],
        last_key=wire["last_key"],
        screen_on=wire["screen_on"],
        properties=wire["properties"],
    )


def _without_fingers(state: PhoneState, *keys: str) -> PhoneState:
    left = {key: point for key, point in state.fingers.items() if key not in keys}
    return replace(state, fingers=left)


def _type(state: PhoneState, text: str) -> PhoneState:
    return replace(state, text=(state.text + text)[-_MAX_TEXT_LENGTH:])


def _press(state: PhoneState, keycode: int, meta_state: int) -> PhoneState:
    state = replace(state, last_key=keycode)
    if meta_state & keyboard.META_CTRL_ON:
        shortcut = {
            keyboard.KEYCODE_C: keyboard.KEYCODE_COPY,
            keyboard.KEYCODE_V: keyboard.KEYCODE_PASTE,
            keyboard.KEYCODE_X: keyboard.KEYCODE_CUT,
        }
        keycode = shortcut.get(keycode, keycode)
    match keycode:
        case keyboard.KEYCODE_POWER:
            return replace(state, screen_on=not state.screen_on)
        case keyboard.KEYCODE_WAKEUP:
            return replace(state, screen_on=True)
        case keyboard.KEYCODE_SLEEP:
            return replace(state, screen_on=False)
        case keyboard.KEYCODE_ENTER:
            return _type(state, "\n")
        case keyboard.KEYCODE_DEL:
            return replace(state, text=state.text[:-1])
        case keyboard.KEYCODE_BACK | keyboard.KEYCODE_HOME:
            return replace(state, text="")
        case keyboard.KEYCODE_PASTE:
            return _type(state, state.clipboard)
        case keyboard.KEYCODE_COPY:
            return replace(state, clipboard=state.text)
        case keyboard.KEYCODE_CUT:
            return replace(state, clipboard=state.text, text="")
    return _type(state, keyboard.character_of(keycode, meta_state) or "")
