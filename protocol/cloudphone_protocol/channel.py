"""
Messages on the data channels between viewer and streamer, one JSON object a message.

Two channels, both opened by the viewer: `control` is ordered and reliable; `moves` is unordered
with no retransmission and carries touch moves only, since SCTP holds back everything behind one
lost packet for a second. A move for a finger that is not down is dropped.

Coordinates are pixels of the picture that the viewer sees, whose size goes with them: after a
rotation a late touch is recognised and dropped instead of landing elsewhere.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from cloudphone_protocol.errors import InvalidMessage
from cloudphone_protocol.model import Message, describe_validation_error

CONTROL_CHANNEL = "control"
MOVES_CHANNEL = "moves"

MAX_MESSAGE_BYTES = 64 * 1024
MAX_TEXT_CHARACTERS = 10_000

Pixel = Annotated[int, Field(ge=0, le=16_384)]
Size = Annotated[int, Field(ge=1, le=16_384)]


class TouchAction(StrEnum):
    """What a finger does."""

    DOWN = "down"
    MOVE = "move"
    UP = "up"
    CANCEL = "cancel"


class KeyAction(StrEnum):
    """What a key does."""

    DOWN = "down"
    UP = "up"


class Touch(Message):
    """One finger; `pointer` tells fingers apart."""

    type: Literal["touch"]
    action: TouchAction
    pointer: Annotated[int, Field(ge=0, le=1023)]
    x: Pixel
    y: Pixel
    width: Size
    height: Size
    pressure: Annotated[float, Field(ge=0, le=1)] = 1.0


class Key(Message):
    """One key by its Android key code (android.view.KeyEvent)."""

    type: Literal["key"]
    action: KeyAction
    key_code: Annotated[int, Field(ge=0, le=1000)]
    meta_state: Annotated[int, Field(ge=0, le=0x7FFF_FFFF)] = 0
    repeat: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class Text(Message):
    """Text to type where the phone's cursor is; any Unicode."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]


class Scroll(Message):
    """A wheel turn at a point; amounts are notches, positive is right and up."""

    type: Literal["scroll"]
    x: Pixel
    y: Pixel
    width: Size
    height: Size
    horizontal: Annotated[float, Field(ge=-16, le=16)] = 0.0
    vertical: Annotated[float, Field(ge=-16, le=16)] = 0.0


class Rotate(Message):
    """Turn the phone by 90 degrees."""

    type: Literal["rotate"]


class Ping(Message):
    """Asks for a `Pong` with the same `sent_ms`: the viewer's own clock, any origin."""

    type: Literal["ping"]
    sent_ms: FiniteFloat


FromViewer = Annotated[Touch | Key | Text | Scroll | Rotate | Ping, Field(discriminator="type")]

_FROM_VIEWER: TypeAdapter[Touch | Key | Text | Scroll | Rotate | Ping] = TypeAdapter(FromViewer)


def parse_from_viewer(data: bytes | str) -> Touch | Key | Text | Scroll | Rotate | Ping:
    """
    Read one message from a viewer.

    Raises:
        InvalidMessage: If it is too long, no JSON, of unknown type or out of bounds.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise InvalidMessage(f"message is {len(data)} bytes; expected at most {MAX_MESSAGE_BYTES}")
    try:
        return _FROM_VIEWER.validate_json(data)
    except ValidationError as error:
        raise InvalidMessage(describe_validation_error(error)) from None


class StreamState(StrEnum):
    """What a viewer is told about the picture, instead of watching a frozen one."""

    STREAMING = "streaming"
    RECONNECTING = "reconnecting"
    FAILED = "failed"
    CLOSING = "closing"
    """The streamer ends; connect again in a moment."""


class State(Message):
    """Sent when the channel opens and on every change."""

    type: Literal["state"] = "state"
    state: StreamState
    reason: str
    message: str
    may_control: bool
    """Whether this viewer's touches are taken."""


class Pong(Message):
    """Answer to `Ping`."""

    type: Literal["pong"] = "pong"
    sent_ms: float


class Refusal(Message):
    """A message of this viewer that was not carried out."""

    type: Literal["refusal"] = "refusal"
    code: str
    message: str
