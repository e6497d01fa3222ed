"""One run of scrcpy's server on a phone: its process, its video socket, its control socket."""

import asyncio
import contextlib

from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.errors import AdbError, AdbServiceRefused
from cloudphone_streamer.adb.shell import Command
from cloudphone_streamer.adb.stream import AdbStream, StreamReceiver
from cloudphone_streamer.capture.scrcpy.failures import server_failure
from cloudphone_streamer.capture.scrcpy.jar import DEVICE_PATH
from cloudphone_streamer.capture.scrcpy.options import ServerOptions
from cloudphone_streamer.errors import StreamerError

MAX_BACKLOG_BYTES = 256 * 1024
"""Control bytes that may wait for a phone that does not take them: thousands of touches."""

_RETRY_SOCKET_S = 0.02
_FIRST_WORDS_S = 2.0
"""Java needs 0.3-1 s to start; then the server says what device it is on, and listens."""

_OUTPUT_LIMIT_BYTES = 8 * 1024
_LAST_WORDS_S = 0.5
"""A server that fails closes its socket first, and tells why a moment later."""


class ScrcpyServer:
    """A server that runs; made by `start`."""

    def __init__(self, process: Command, video: AdbStream, control: AdbStream) -> None:
        self._process = process
        self._video = video
        self._control = control

    @classmethod
    async def start(
        cls, connection: AdbConnection, options: ServerOptions, video: StreamReceiver
    ) -> "ScrcpyServer":
        """
        Start the server and open its sockets.

        Args:
            connection: To a phone that has the server's file.
            options: What to capture.
            video: Takes the bytes of the video socket, from its first.
        Raises:
            CaptureFailure: If the server ends at once.
            AdbError: If the link breaks.
        """
        process = await Command.start(
            connection, options.to_command(DEVICE_PATH), output_limit_bytes=_OUTPUT_LIMIT_BYTES
        )
        try:
            service = f"localabstract:{options.socket_name}"
            # The order tells the server which socket is which.
            video_stream = await _open_when_there(connection, service, video, process)
            try:
                control_stream = await connection.open(service, _Unheard())
            except AdbServiceRefused as error:
                raise await _explain_end(process, error) from None
        except BaseException:
            process.kill()
            raise
        return cls(process, video_stream, control_stream)

    def send(self, message: bytes) -> bool:
        """Send a control message; whether there was room for it."""
        if self._control.backlog_bytes > MAX_BACKLOG_BYTES:
            return False
        self._control.write(message)
        return True

    async def explain_end(self, error: AdbError) -> StreamerError:
        """
        Why the server has ended.

        Args:
            error: What was seen of it.
        """
        return await _explain_end(self._process, error)

    def stop(self) -> None:
        """End the server and all that belongs to it on the phone."""
        self._control.close()
        self._video.close()
        self._process.kill()


async def _explain_end(process: Command, error: AdbError) -> StreamerError:
    try:
        async with asyncio.timeout(_LAST_WORDS_S):
            await process.ended.wait()
    except TimeoutError:
        return error
    return server_failure(process.output, process.exit_status)


async def _open_when_there(
    connection: AdbConnection, service: str, receiver: StreamReceiver, process: Command
) -> AdbStream:
    """Open the server's socket as soon as it listens."""
    # Each attempt that comes too early is an error in the phone's log, so wait for the server's
    # first words; only a server that stays silent has to be tried blindly.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_WORDS_S):
            await process.spoke.wait()
    while True:
        try:
            return await connection.open(service, receiver)
        except AdbServiceRefused:
            if process.ended.is_set():
                raise server_failure(process.output, process.exit_status) from None
        await asyncio.sleep(_RETRY_SOCKET_S)


class _Unheard:
    """
    Receiver of the control socket.

    What the phone says there (its clipboard, acknowledgements) is needed by nobody, so it is not
    even parsed. The end of the socket is seen by the end of the process.
    """

    def on_data(self, data: bytes) -> None:
        """Drop it."""

    def on_closed(self, error: AdbError) -> None:
        """The process ends with it."""
