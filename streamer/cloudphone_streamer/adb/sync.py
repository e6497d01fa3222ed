"""
Files to the phone: the `sync:` service.

Framing is pure; the one conversation is below it. See SYNC.TXT of Android's packages/modules/adb.
"""

import struct

from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.errors import AdbProtocolViolation, AdbSyncFailed
from cloudphone_streamer.adb.reader import ByteReader

_PART = struct.Struct("<4sI")
_MAX_DATA_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 4096
_REGULAR_FILE = 0o100_000


def send_request(path: str, content: bytes, *, mode: int, modified_s: int) -> bytes:
    """
    One whole SEND: the file's name and mode, its content in parts, its time.

    Args:
        path: Absolute, without a comma in its last part.
        content: The file.
        mode: Permission bits.
        modified_s: Unix time of its last change.
    """
    name = f"{path},{_REGULAR_FILE | mode}".encode()
    parts = [_PART.pack(b"SEND", len(name)), name]
    for start in range(0, len(content), _MAX_DATA_BYTES):
        data = content[start : start + _MAX_DATA_BYTES]
        parts += (_PART.pack(b"DATA", len(data)), data)
    parts.append(_PART.pack(b"DONE", modified_s))
    return b"".join(parts)


async def push(connection: AdbConnection, path: str, content: bytes, *, mode: int) -> None:
    """
    Write a file on the phone.

    Args:
        connection: An open connection.
        path: Absolute path on the phone.
        content: The file; small, since it is handed over in one piece.
        mode: Permission bits; the daemon gives group and others the owner's as well.
    Raises:
        AdbSyncFailed: If the phone does not take it, e.g. because its storage is full.
        AdbError: If the connection ends meanwhile.
    """
    reader = ByteReader(limit_bytes=_MAX_ANSWER_BYTES)
    stream = await connection.open("sync:", reader)
    try:
        # A fixed time rather than a clock: the content is what counts, and it is in the name.
        stream.write(send_request(path, content, mode=mode, modified_s=0))
        status, length = _PART.unpack(await reader.read_exactly(_PART.size))
        if status == b"OKAY":
            return
        if status != b"FAIL" or length > _MAX_ANSWER_BYTES:
            raise AdbProtocolViolation(f"sync answer is {status!r}; expected OKAY or FAIL")
        reason = (await reader.read_exactly(length)).decode(errors="replace")
        raise AdbSyncFailed(f"the phone did not take {path}: {reason}")
    finally:
        stream.close()
