"""A command's or a scrcpy server's connection to the framework."""

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

from dev.phone.framework import SOCKET_PATH
from dev.phone.state import PhoneState, parse_state


class FrameworkClient:
    """
    Sends events and holds the newest state.

    The state is as of the connection until `watch` is called. Closing waits until the framework has
    applied all events.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(SOCKET_PATH))
        self._lines = self._socket.makefile("rb")
        self._state = self._next_state()

    @property
    def state(self) -> PhoneState:
        """The newest state known; replaced as a whole, so a caller may keep it."""
        return self._state

    def send(self, event_type: str, **fields: Any) -> None:
        """Send one event; see `state.apply_event` for the types."""
        self._socket.sendall(json.dumps({"type": event_type, **fields}).encode() + b"\n")

    def watch(self, changed: Callable[[PhoneState, PhoneState], None]) -> None:
        """
        Follow the state in a thread of its own, until the connection ends.

        Args:
            changed: Called in that thread with the state before and after each change.
        """
        threading.Thread(target=self._follow, args=(changed,), name="state", daemon=True).start()

    def close(self) -> None:
        """Wait until the framework has applied what was sent, and disconnect."""
        self._socket.shutdown(socket.SHUT_WR)
        while self._lines.readline():
            pass
        self._socket.close()

    def _next_state(self) -> PhoneState:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the framework closed the connection")
        return parse_state(json.loads(line))

    def _follow(self, changed: Callable[[PhoneState, PhoneState], None]) -> None:
        try:
            while True:
                before = self._state
                self._state = self._next_state()
                changed(before, self._state)
        except (ConnectionError, OSError):
            return
