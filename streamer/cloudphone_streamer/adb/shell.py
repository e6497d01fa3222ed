"""
Commands on the phone: the `shell,v2` service.

Its packets carry output, error output and exit status on one stream, and the daemon ends the
command with SIGHUP when the stream is closed: nothing stays behind on the phone.

Commands are constants and integers of ours. Nothing from a viewer, a session document or a phone
may ever become part of one.
"""

import asyncio
import struct
from enum import IntEnum

from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.errors import AdbError, AdbProtocolViolation, AdbServiceRefused
from cloudphone_streamer.adb.handshake import SHELL_V2
from cloudphone_streamer.adb.stream import AdbStream

_HEADER = struct.Struct("<BI")
_MAX_PACKET_BYTES = 1024 * 1024


class PacketId(IntEnum):
    """What a packet of the shell protocol carries."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3


class PacketParser:
    """Cuts the bytes of one `shell,v2` stream into packets; pure."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """
        Take the next bytes; the packets that they complete, as id and content.

        Raises:
            AdbProtocolViolation: If a packet is longer than any daemon sends.
        """
        self._buffer += data
        packets: list[tuple[int, bytes]] = []
        while len(self._buffer) >= _HEADER.size:
            packet_id, length = _HEADER.unpack_from(self._buffer)
            if length > _MAX_PACKET_BYTES:
                raise AdbProtocolViolation(
                    f"shell packet is {length} bytes; expected at most {_MAX_PACKET_BYTES}"
                )
            end = _HEADER.size + length
            if len(self._buffer) < end:
                break
            packets.append((packet_id, bytes(self._buffer[_HEADER.size : end])))
            del self._buffer[:end]
        return packets


class Command:
    """
    One command that runs on the phone; made by `start`.

    Args:
        output_limit_bytes: How much of its latest output is kept, both kinds together.
    """

    def __init__(self, *, output_limit_bytes: int) -> None:
        self._parser = PacketParser()
        self._output = bytearray()
        self._output_limit_bytes = output_limit_bytes
        self._stream: AdbStream | None = None
        self.exit_status: int | None = None
        """Exit status, 128 + N after signal N; none while it runs or if the link broke."""
        self.spoke = asyncio.Event()
        """Set with the first output, or the end."""
        self.ended = asyncio.Event()
        """Set when the command has ended or cannot be heard any more."""

    @classmethod
    async def start(
        cls, connection: AdbConnection, command: str, *, output_limit_bytes: int
    ) -> "Command":
        """
        Start a command in the phone's shell.

        Raises:
            AdbServiceRefused: If the phone is older than Android 7 or starts no shell.
            AdbConnectionLost: If the connection is over.
        """
        if SHELL_V2 not in connection.features:
            raise AdbServiceRefused(
                "the phone's ADB daemon lacks the feature shell_v2; expected Android 7 or newer"
            )
        running = cls(output_limit_bytes=output_limit_bytes)
        running._stream = await connection.open(f"shell,v2,raw:{command}", running)
        return running

    @property
    def output(self) -> str:
        """Latest output; not to be trusted, and not cleaned."""
        return self._output.decode(errors="replace")

    def kill(self) -> None:
        """End the command; repeating it is harmless."""
        if self._stream is not None:
            self._stream.close()
        self._end()

    # StreamReceiver

    def on_data(self, data: bytes) -> None:
        """Packets of the daemon."""
        try:
            packets = self._parser.feed(data)
        except AdbProtocolViolation:
            self.kill()
            return
        for packet_id, content in packets:
            if packet_id in (PacketId.STDOUT, PacketId.STDERR):
                self._output += content
                del self._output[: -self._output_limit_bytes]
                self.spoke.set()
            elif packet_id == PacketId.EXIT and content:
                self.exit_status = content[0]

    def on_closed(self, error: AdbError) -> None:  # noqa: ARG002 - the end is all that matters
        """The command has ended, or the link to it."""
        self._end()

    def _end(self) -> None:
        self.spoke.set()
        self.ended.set()
