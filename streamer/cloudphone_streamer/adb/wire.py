"""
Messages between an ADB client and the daemon on the phone: a 24-byte header and a payload.

Pure. See protocol.txt and docs/dev/delayed_ack.md of Android's packages/modules/adb.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from cloudphone_streamer.adb.errors import AdbProtocolViolation

VERSION = 0x0100_0001
"""Newest protocol version; from this one on no checksum is computed."""

VERSION_WITH_CHECKSUM = 0x0100_0000
"""Oldest protocol version, spoken before Android 9."""

MAX_PAYLOAD_BYTES = 1024 * 1024
"""Largest payload that we take, and what daemons offer."""

INITIAL_MAX_PAYLOAD_BYTES = 4096
"""Largest payload that may be sent before the daemon has named its own limit."""

_HEADER = struct.Struct("<6I")
_U32_MAX = 0xFFFF_FFFF


class Command(IntEnum):
    """Message types; the values are their names in ASCII, little-endian."""

    CNXN = 0x4E58_4E43
    AUTH = 0x4854_5541
    STLS = 0x534C_5453
    OPEN = 0x4E45_504F
    OKAY = 0x5941_4B4F
    WRTE = 0x4554_5257
    CLSE = 0x4553_4C43


class AuthType(IntEnum):
    """First argument of an AUTH message."""

    TOKEN = 1
    SIGNATURE = 2
    RSA_PUBLIC_KEY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    One message; what the arguments mean depends on the command.

    For streams `arg0` is the sender's id of the stream and `arg1` the receiver's.
    """

    command: Command
    arg0: int
    arg1: int
    payload: bytes = b""


def to_bytes(message: Message, *, with_checksum: bool) -> bytes:
    """
    Write one message.

    Args:
        message: Payload within the receiver's limit.
        with_checksum: Whether the receiver is older than `VERSION` or its version not known yet.
    """
    checksum = sum(message.payload) & _U32_MAX if with_checksum else 0
    header = _HEADER.pack(
        message.command,
        message.arg0,
        message.arg1,
        len(message.payload),
        checksum,
        message.command ^ _U32_MAX,
    )
    return header + message.payload


class MessageParser:
    """
    Cuts the byte stream of one connection into messages.

    Checksums are not verified: TCP has its own, and newer daemons send none.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._header: tuple[Command, int, int, int] | None = None

    def feed(self, data: bytes) -> list[Message]:
        """
        Take the next bytes; the messages that they complete.

        Holds at most one message and what came with it.

        Raises:
            AdbProtocolViolation: If this is no ADB; the connection is then beyond repair.
        """
        self._buffer += data
        messages: list[Message] = []
        while True:
            if self._header is None:
                if len(self._buffer) < _HEADER.size:
                    return messages
                self._header = _parse_header(self._buffer)
                del self._buffer[: _HEADER.size]
            command, arg0, arg1, length = self._header
            if len(self._buffer) < length:
                return messages
            with memoryview(self._buffer) as view:
                payload = bytes(view[:length])
            del self._buffer[:length]
            self._header = None
            messages.append(Message(command=command, arg0=arg0, arg1=arg1, payload=payload))


def _parse_header(buffer: bytearray) -> tuple[Command, int, int, int]:
    command, arg0, arg1, length, _checksum, magic = _HEADER.unpack_from(buffer)
    if magic != command ^ _U32_MAX:
        raise AdbProtocolViolation(
            f"header magic is {magic:#010x}; expected {command ^ _U32_MAX:#010x}: "
            "no ADB daemon answers at this address"
        )
    if length > MAX_PAYLOAD_BYTES:
        raise AdbProtocolViolation(
            f"payload is {length} bytes; expected at most {MAX_PAYLOAD_BYTES}"
        )
    try:
        return Command(command), arg0, arg1, length
    except ValueError:
        raise AdbProtocolViolation(
            f"command is {command:#010x}; expected one of {', '.join(Command.__members__)}"
        ) from None
