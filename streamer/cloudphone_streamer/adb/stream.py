"""
One of the streams that share a connection: what a receiver and a writer see of it.

Data is handed to the receiver as it arrives, on the event loop and without a task in between: for
video every hop counts. The connection makes streams and feeds them.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from cloudphone_streamer.adb.errors import AdbError, AdbProtocolViolation
from cloudphone_streamer.adb.flow import ReceiveWindow, SendBudget
from cloudphone_streamer.adb.handshake import DELAYED_ACK, Peer
from cloudphone_streamer.adb.wire import Command, Message


class StreamReceiver(Protocol):
    """Takes what the phone sends on one stream; called on the event loop, must not block."""

    def on_data(self, data: bytes) -> None:
        """Bytes arrived; any number, with no relation to what the phone wrote at once."""

    def on_closed(self, error: AdbError) -> None:
        """The phone closed the stream or the connection ended; called once, after all data."""


class AdbStream:
    """
    One stream.

    `opened` becomes done when the phone has opened it, or with the reason why it has not.

    Args:
        local_id: Our id of it.
        receiver: Takes what the phone sends.
        peer: What the phone can do.
        send: Sends a message on the connection.
        forget: Called with the id when we close the stream.
        network_backlog: Bytes of the connection that wait for the network.
    """

    def __init__(
        self,
        *,
        local_id: int,
        receiver: StreamReceiver,
        peer: Peer,
        send: Callable[[Message], None],
        forget: Callable[[int], None],
        network_backlog: Callable[[], int],
    ) -> None:
        windowed = DELAYED_ACK in peer.features
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._local_id = local_id
        self._remote_id = 0
        self._receiver = receiver
        self._max_payload_bytes = peer.max_payload_bytes
        self._send = send
        self._forget = forget
        self._network_backlog = network_backlog
        self._pending = bytearray()
        self._budget = SendBudget(windowed=windowed)
        self._window = ReceiveWindow(windowed=windowed)
        self._is_closed = False

    def write(self, data: bytes) -> None:
        """
        Send bytes as soon as the phone takes them; never blocks.

        Bytes for a stream that is closed are dropped: its receiver has been told.
        """
        if not self._is_closed:
            self._pending += data
            self._flush()

    @property
    def backlog_bytes(self) -> int:
        """Bytes that were written and have not left for the phone."""
        return len(self._pending) + self._network_backlog()

    def close(self) -> None:
        """Close the stream; its receiver is not called any more. Repeating it is harmless."""
        if self._is_closed:
            return
        self._is_closed = True
        self._forget(self._local_id)
        if self._remote_id:
            self._send(self._message(Command.CLSE))

    # What the connection calls.

    def request(self, service: str) -> None:
        """Ask the phone to open the stream."""
        self._send(
            Message(
                command=Command.OPEN,
                arg0=self._local_id,
                arg1=self._window.open_argument,
                payload=service.encode() + b"\0",
            )
        )

    def on_okay(self, remote_id: int, payload: bytes) -> None:
        """
        The phone opened the stream, or acknowledged.

        Raises:
            AdbProtocolViolation: If the phone's id of the stream is 0 or has changed.
        """
        if remote_id == 0 or self._remote_id not in (0, remote_id):
            raise AdbProtocolViolation(
                f"OKAY is of stream {remote_id}; expected {self._remote_id or 'any but 0'}"
            )
        if not self._remote_id:
            self._remote_id = remote_id
            if not self.opened.done():
                self.opened.set_result(None)
        self._budget.on_okay(payload)
        self._flush()

    def on_write(self, data: bytes) -> None:
        """The phone sent data."""
        self._receiver.on_data(data)
        acknowledgement = self._window.on_taken(len(data))
        # The receiver may have closed the stream for what it was given.
        if acknowledgement is not None and not self._is_closed:
            self._send(self._message(Command.OKAY, acknowledgement))

    def on_end(self, error: AdbError) -> None:
        """The phone closed the stream, or the connection ended."""
        self._is_closed = True
        if not self.opened.done():
            self.opened.set_exception(error)
        elif self._remote_id:
            self._receiver.on_closed(error)

    def _flush(self) -> None:
        while self._pending and self._budget.can_send():
            chunk = bytes(self._pending[: self._max_payload_bytes])
            del self._pending[: len(chunk)]
            self._budget.on_sent(len(chunk))
            self._send(self._message(Command.WRTE, chunk))

    def _message(self, command: Command, payload: bytes = b"") -> Message:
        return Message(command=command, arg0=self._local_id, arg1=self._remote_id, payload=payload)
