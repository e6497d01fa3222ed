"""A stream's receiver for callers that await bytes: short answers, not video."""

import asyncio

from cloudphone_streamer.adb.errors import AdbError, AdbProtocolViolation


class ByteReader:
    """
    Holds what has come until it is read.

    Args:
        limit_bytes: A phone that sends more than this without being read is cut off.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self._error: AdbError | None = None
        self._changed = asyncio.Event()

    def on_data(self, data: bytes) -> None:
        """Bytes arrived."""
        if len(self._buffer) + len(data) > self._limit_bytes:
            self._error = AdbProtocolViolation(
                f"answer is longer than {self._limit_bytes} bytes; expected at most that"
            )
        elif self._error is None:
            self._buffer += data
        self._changed.set()

    def on_closed(self, error: AdbError) -> None:
        """The stream has ended."""
        self._error = self._error or error
        self._changed.set()

    async def read_exactly(self, size_bytes: int) -> bytes:
        """
        Exactly so many bytes.

        Raises:
            AdbError: If the stream ends before.
        """
        while len(self._buffer) < size_bytes:
            await self._wait()
        data = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        return data

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._changed.clear()
        await self._changed.wait()
