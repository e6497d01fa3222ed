"""
The stand-in for Android's framework: owns the state and serves it on a Unix socket.

A connection gets the whole state at once and after each change, one JSON object a line, and sends
events the same way. It is closed by the sender's end of file, after its events were applied.
"""

import asyncio
import itertools
import json
import socket
import sys
from pathlib import Path

from dev.phone.state import PhoneState, StateError, apply_event, to_wire, without_owner

SOCKET_PATH = Path("/run/phone/framework.sock")
# A clipboard text of scrcpy is at most 256 KiB, and JSON may write 6 bytes for one of it.
_MAX_LINE_BYTES = 2 << 20


class Framework:
    """Applies every event to the one state and tells all connections."""

    def __init__(self, state: PhoneState) -> None:
        self._state = state
        self._writers: set[asyncio.StreamWriter] = set()
        self._owners = itertools.count(1)

    async def serve(self) -> None:
        """Listen; returns once connections are accepted."""
        await asyncio.start_unix_server(self._talk, sock=_listener(), limit=_MAX_LINE_BYTES)

    def set_property(self, name: str, value: str) -> None:
        """Set a system property of the framework's own."""
        event = {"type": "property", "name": name, "value": value}
        self._change(apply_event(self._state, event, "framework"))

    def _change(self, state: PhoneState) -> None:
        if state == self._state:
            return
        self._state = state
        line = self._line()
        for writer in self._writers:
            writer.write(line)

    def _line(self) -> bytes:
        return json.dumps(to_wire(self._state)).encode() + b"\n"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        owner = str(next(self._owners))
        self._writers.add(writer)
        writer.write(self._line())
        try:
            while line := await reader.readline():
                self._receive(line, owner)
        except (ConnectionError, ValueError) as error:
            print(f"framework: connection {owner}: {error}", file=sys.stderr)
        finally:
            self._writers.discard(writer)
            writer.close()
            self._change(without_owner(self._state, owner))

    def _receive(self, line: bytes, owner: str) -> None:
        try:
            self._change(apply_event(self._state, json.loads(line), owner))
        except (StateError, json.JSONDecodeError) as error:
            print(f"framework: connection {owner}: {error}", file=sys.stderr)


def _listener() -> socket.socket:
    SOCKET_PATH.parent.mkdir(parents=True, exist_ok=True)
    SOCKET_PATH.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(SOCKET_PATH))
    return listener
