"""
Flow control of one stream: what may be sent now, and when to acknowledge what came.

Pure. There are two schemes. Without the feature `delayed_ack` one message may be under way a
stream, and each is acknowledged by an empty OKAY: a round trip a message. With it OPEN and OKAY
carry a number of bytes, and a side sends while its budget is above zero (it may overdraw it by
one message). See docs/dev/delayed_ack.md of Android's packages/modules/adb.
"""

import struct

from cloudphone_streamer.adb.errors import AdbProtocolViolation

RECEIVE_WINDOW_BYTES = 4 * 1024 * 1024
"""What the phone may send before we acknowledge: more than any key frame at 100 Mbps."""

_ACKNOWLEDGE_AFTER_BYTES = RECEIVE_WINDOW_BYTES // 8
_ACKNOWLEDGED = struct.Struct("<i")


class SendBudget:
    """How much of a stream may be sent to the phone."""

    def __init__(self, *, windowed: bool) -> None:
        self._windowed = windowed
        self._budget = 0

    def can_send(self) -> bool:
        """Whether one more message may be sent, of any size."""
        return self._budget > 0

    def on_sent(self, size_bytes: int) -> None:
        """One message was sent."""
        self._budget = self._budget - size_bytes if self._windowed else 0

    def on_okay(self, payload: bytes) -> None:
        """
        The phone acknowledged.

        Raises:
            AdbProtocolViolation: If the OKAY is of the other scheme.
        """
        if not self._windowed:
            self._budget = 1
            return
        if len(payload) != _ACKNOWLEDGED.size:
            raise AdbProtocolViolation(
                f"OKAY carries {len(payload)} bytes; expected {_ACKNOWLEDGED.size}"
            )
        self._budget += _ACKNOWLEDGED.unpack(payload)[0]


class ReceiveWindow:
    """
    When to tell the phone that what it sent has been taken.

    In the windowed scheme acknowledgements are saved up: one for many frames instead of one a
    message, well before the phone could run dry.
    """

    def __init__(self, *, windowed: bool) -> None:
        self._windowed = windowed
        self._taken_bytes = 0

    @property
    def open_argument(self) -> int:
        """Second argument of our OPEN."""
        return RECEIVE_WINDOW_BYTES if self._windowed else 0

    def on_taken(self, size_bytes: int) -> bytes | None:
        """Bytes were taken; the payload of an OKAY that is due now, if one is."""
        if not self._windowed:
            return b""
        self._taken_bytes += size_bytes
        if self._taken_bytes < _ACKNOWLEDGE_AFTER_BYTES:
            return None
        payload = _ACKNOWLEDGED.pack(self._taken_bytes)
        self._taken_bytes = 0
        return payload
