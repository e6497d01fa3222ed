"""
One viewer: its messages in, the streamer's messages out.

`webrtc` calls the `on_...` methods as the connection lives; `registry` owns the viewer. Nothing
that a viewer sends raises: what cannot be carried out is answered by a `Refusal` and counted.
"""

import logging
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from cloudphone_protocol.channel import (
    Key,
    Ping,
    Pong,
    Refusal,
    Scroll,
    State,
    Touch,
    parse_from_viewer,
)
from cloudphone_protocol.errors import InvalidMessage
from cloudphone_protocol.tickets import Permission, Ticket
from cloudphone_streamer.capture.source import InputEvent
from cloudphone_streamer.control.pointers import PointerTracker
from cloudphone_streamer.control.scaling import to_phone_pixels
from cloudphone_streamer.viewers.held_keys import HeldKeys
from cloudphone_streamer.viewers.rate import TokenBucket

logger = logging.getLogger(__name__)

MESSAGES_PER_S = 1000
"""Eight fingers, each moved once a picture on a display of 120 Hz."""

_REFUSALS_PER_S = 1
_REFUSALS_AT_ONCE = 5


class RefusalCode(StrEnum):
    """Why a message was not carried out."""

    MESSAGE_INVALID = "message_invalid"
    TOO_MANY_MESSAGES = "too_many_messages"
    CONTROL_DENIED = "control_denied"
    CONTROL_TAKEN = "control_taken"
    PHONE_AWAY = "phone_away"


class Audience(Protocol):
    """What one viewer needs of all of them."""

    @property
    def is_capturing(self) -> bool:
        """Whether the phone is there, and its picture seen."""

    @property
    def picture_px(self) -> tuple[int, int] | None:
        """Width and height of the phone's picture, once there was one."""

    def inject(self, event: InputEvent) -> None:
        """Carry out one event on the phone."""

    def state_for(self, viewer: "Viewer") -> State:
        """Tell what this viewer should know now."""

    def may_control(self, viewer: "Viewer") -> bool:
        """Whether this viewer's input is taken now."""

    def count_message(self, kind: str) -> None:
        """Count a message that was carried out."""

    def count_refusal(self, code: RefusalCode) -> None:
        """Count a message that was not carried out."""

    def connected(self, viewer: "Viewer") -> None:
        """Take note that media flows to this viewer."""

    def left(self, viewer: "Viewer") -> None:
        """Take note that this viewer is gone."""


class Viewer:
    """
    One viewer, from the accepted offer to the end of its connection.

    Args:
        ticket: What it may do.
        audience: The viewers it is one of.
        pointers: Fingers that are down, of all viewers.
        now_s: Monotonic time.
    """

    def __init__(
        self, *, ticket: Ticket, audience: Audience, pointers: PointerTracker, now_s: float
    ) -> None:
        self.ticket = ticket
        self.is_connected = False
        self.is_closed = False
        self._audience = audience
        self._pointers = pointers
        self._keys = HeldKeys()
        self._send: Callable[[str], None] | None = None
        self._messages = TokenBucket(rate_per_s=MESSAGES_PER_S, burst=MESSAGES_PER_S, now_s=now_s)
        self._refusals = TokenBucket(
            rate_per_s=_REFUSALS_PER_S, burst=_REFUSALS_AT_ONCE, now_s=now_s
        )
        self._told: State | None = None
        self._told_no_control = False

    @property
    def has_control_permission(self) -> bool:
        """Whether the ticket permits control at all."""
        return Permission.CONTROL in self.ticket.permissions

    def on_connected(self) -> None:
        """Media flows to this viewer."""
        self.is_connected = True
        self._audience.connected(self)

    def on_channel_open(self, send: Callable[[str], None]) -> None:
        """The control channel is open; `send` sends one message on it."""
        self._send = send
        self.tell_state()

    def on_closed(self, reason: str) -> None:
        """The connection is over, whoever ended it."""
        logger.info("viewer left", extra={"subject": self.ticket.subject, "reason": reason})
        self.is_closed = True
        self._send = None
        self.release()
        self._audience.left(self)

    def on_message(self, channel: str, data: str | bytes) -> None:
        """One message of this viewer, on whichever channel."""
        now_s = time.monotonic()
        if not self._messages.take(now_s):
            # The lost message may have been the one that lifts a finger.
            self.release()
            self._refuse(
                RefusalCode.TOO_MANY_MESSAGES,
                f"more than {MESSAGES_PER_S} messages a second; expected fewer",
                now_s,
            )
            return
        try:
            message = parse_from_viewer(data)
        except InvalidMessage as error:
            self._refuse(RefusalCode.MESSAGE_INVALID, f"on channel {channel!r:.40}: {error}", now_s)
            return
        if isinstance(message, Ping):
            self._audience.count_message(message.type)
            self._tell(Pong(sent_ms=message.sent_ms).to_json())
        elif not self._audience.may_control(self):
            self._refuse_control(now_s)
        elif not self._audience.is_capturing:
            # A finger put down now would be down for us and not for the phone that comes back.
            # The viewer knows by its state.
            self._audience.count_refusal(RefusalCode.PHONE_AWAY)
        else:
            self._audience.count_message(message.type)
            self._control(message)

    def tell_state(self) -> None:
        """Tell the viewer how the stream stands, unless it knows."""
        state = self._audience.state_for(self)
        if self._send is None or state == self._told:
            return
        self._told = state
        self._told_no_control = False
        self._tell(state.to_json())

    def release(self) -> None:
        """Let go all fingers and keys that this viewer holds."""
        for touch in self._pointers.release_all(self):
            self._audience.inject(touch)
        for key in self._keys.release_all():
            self._audience.inject(key)

    def _control(self, message: InputEvent) -> None:
        picture_px = self._audience.picture_px
        if isinstance(message, Touch | Scroll) and picture_px is not None:
            message = to_phone_pixels(message, picture_px)
        if isinstance(message, Touch):
            for touch in self._pointers.apply(self, message):
                self._audience.inject(touch)
        elif isinstance(message, Key):
            key = self._keys.apply(message)
            if key is not None:
                self._audience.inject(key)
        else:
            self._audience.inject(message)

    def _refuse_control(self, now_s: float) -> None:
        if self.has_control_permission:
            code, text = RefusalCode.CONTROL_TAKEN, "another viewer controls this phone now"
        else:
            code, text = RefusalCode.CONTROL_DENIED, "this ticket lacks the permission 'control'"
        if self._told_no_control:
            self._audience.count_refusal(code)
            return
        self._told_no_control = True
        self._refuse(code, text, now_s)

    def _refuse(self, code: RefusalCode, text: str, now_s: float) -> None:
        self._audience.count_refusal(code)
        if self._refusals.take(now_s):
            self._tell(Refusal(code=code, message=text).to_json())

    def _tell(self, message: str) -> None:
        if self._send is not None:
            self._send(message)
