"""
The life of a capture by scrcpy: connect, run, fail, connect again.

Viewers stay connected meanwhile: whoever listens is told by reports, and gets a key picture first
when it runs again.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloudphone_protocol.channel import Key, Rotate, Scroll, Text, Touch
from cloudphone_protocol.session import CaptureMode, Video
from cloudphone_streamer.adb.address import parse_address
from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.errors import AdbError, AdbStreamClosed
from cloudphone_streamer.adb.keys import AdbKey
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.bitstream.assembler import AccessUnitAssembler
from cloudphone_streamer.capture.backoff import Backoff
from cloudphone_streamer.capture.errors import CaptureFailure
from cloudphone_streamer.capture.key_frames import KeyFrameRequests
from cloudphone_streamer.capture.reporter import Reporter
from cloudphone_streamer.capture.scrcpy.failures import to_failure
from cloudphone_streamer.capture.scrcpy.jar import ServerJar
from cloudphone_streamer.capture.scrcpy.options import ServerOptions
from cloudphone_streamer.capture.scrcpy.server import ScrcpyServer
from cloudphone_streamer.capture.scrcpy.video import VideoDemuxer
from cloudphone_streamer.capture.source import CaptureSink, InputEvent
from cloudphone_streamer.control import messages
from cloudphone_streamer.errors import StreamerError

_LOGGER = logging.getLogger(__name__)

_FIRST_PICTURE_TIMEOUT_S = 15.0
"""From the start of the server to its first picture; Java on a loaded phone takes its time."""

_HAS_WORKED_AFTER_S = 5.0
"""A capture that ran for this long was a good one: its end is a new failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrcpySettings:
    """
    What does not come from the session document.

    Args:
        server_path: The server's file, scrcpy-server-v3.3.4.
        adb_key: Our key, for phones that ask for one.
        connect_timeout_s: Limit for connection and authentication.
        command_timeout_s: Limit for a short command on the phone, and for pushing the server.
    """

    server_path: Path
    adb_key: AdbKey | None
    connect_timeout_s: float
    command_timeout_s: float


class ScrcpyCapture:
    """
    Captures one phone.

    Args:
        address: ADB address of the phone, `host:port`.
        video: What to ask of the phone's encoder.
        settings: What is the same for every phone.
    """

    def __init__(self, *, address: str, video: Video, settings: ScrcpySettings) -> None:
        self._address = address
        self._video = video
        self._settings = settings
        self._server: ScrcpyServer | None = None
        self._requests = KeyFrameRequests()
        self._reset_timer: asyncio.TimerHandle | None = None
        self._dropped_events = 0

    async def run(self, sink: CaptureSink) -> None:
        """Capture until cancelled; see `Capture.run`."""
        reporter = Reporter(sink, CaptureMode.SCRCPY)
        reporter.starting(f"connecting to the phone at {self._address}")
        backoff = Backoff()
        while True:
            try:
                await self._capture(sink, reporter, backoff)
            except StreamerError as error:
                failure = to_failure(error)
                delay_s = backoff.next_delay_s()
                is_news = reporter.failed(failure, lasting=backoff.is_exhausted)
                _LOGGER.log(
                    logging.WARNING if is_news else logging.DEBUG,
                    "capture ended, next attempt in %.1f s: %s: %s",
                    delay_s,
                    failure.reason,
                    failure.message,
                )
                await asyncio.sleep(delay_s)

    def request_key_frame(self) -> None:
        """Ask for a key picture: at most one reset of the encoder in two seconds."""
        self._requests.request()
        self._reset_when_due()

    def inject(self, event: InputEvent) -> None:
        """Carry out one event on the phone; see `Capture.inject`."""
        server = self._server
        if server is None or not all(server.send(message) for message in _encode(event)):
            self._dropped_events += 1

    @property
    def dropped_events(self) -> int:
        """Events that could not be carried out, since the start."""
        return self._dropped_events

    async def _capture(self, sink: CaptureSink, reporter: Reporter, backoff: Backoff) -> None:
        """Capture once, until it fails; always raises."""
        jar = ServerJar.load(self._settings.server_path)
        host, port = parse_address(self._address)
        connection = await AdbConnection.connect(
            host, port, key=self._settings.adb_key, timeout_s=self._settings.connect_timeout_s
        )
        try:
            await jar.ensure_on_phone(connection, timeout_s=self._settings.command_timeout_s)
            await self._run_server(connection, sink, reporter, backoff)
        finally:
            await connection.close()

    async def _run_server(
        self, connection: AdbConnection, sink: CaptureSink, reporter: Reporter, backoff: Backoff
    ) -> None:
        """Start the server and take its pictures, until it fails; always raises."""
        loop = asyncio.get_running_loop()

        def on_unit(unit: AccessUnit) -> None:
            reporter.running(unit.width_px, unit.height_px)
            if unit.is_key:
                self._requests.on_key_frame()
            sink.on_access_unit(unit)

        pictures = _PictureReceiver(on_unit)
        options = ServerOptions.from_video(self._video, scid=secrets.randbits(31))
        server: ScrcpyServer | None = None
        try:
            async with asyncio.timeout(_FIRST_PICTURE_TIMEOUT_S):
                server = await ScrcpyServer.start(connection, options, pictures)
                self._server = server
                await pictures.started
            started_s = loop.time()
            # The first picture is a key picture: as good as after a reset.
            self._requests.on_reset(started_s)
            error = await pictures.ended
            if loop.time() - started_s > _HAS_WORKED_AFTER_S:
                backoff.reset()
            raise error
        except AdbStreamClosed as error:
            raise (error if server is None else await server.explain_end(error)) from None
        except TimeoutError:
            raise CaptureFailure(
                "ScrcpyServerFailed",
                f"no picture came within {_FIRST_PICTURE_TIMEOUT_S:g} s; "
                "check that the phone has booted and its screen can be on",
                needs_person=False,
            ) from None
        finally:
            self._server = None
            if self._reset_timer is not None:
                self._reset_timer.cancel()
            if server is not None:
                server.stop()

    def _reset_when_due(self) -> None:
        if self._reset_timer is not None:
            self._reset_timer.cancel()
        loop = asyncio.get_running_loop()
        delay_s = self._requests.seconds_to_reset(loop.time())
        if delay_s is None or self._server is None:
            return
        if delay_s > 0:
            self._reset_timer = loop.call_later(delay_s, self._reset_when_due)
        elif self._server.send(messages.encode_reset_video()):
            self._requests.on_reset(loop.time())


class _PictureReceiver:
    """
    Receiver of the video socket: bytes in, access units out, at once.

    `started` becomes done with the first picture; `ended` with the reason of the end.
    """

    def __init__(self, on_unit: Callable[[AccessUnit], None]) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[StreamerError] = loop.create_future()
        self._on_unit = on_unit
        self._demuxer = VideoDemuxer()
        self._assembler = AccessUnitAssembler()

    def on_data(self, data: bytes) -> None:
        """Bytes of the video socket."""
        if self.ended.done():
            return
        try:
            for packet in self._demuxer.feed(data):
                unit = self._assembler.feed(packet.data, pts_us=packet.pts_us)
                if unit is not None:
                    self._on_unit(unit)
                    if not self.started.done():
                        self.started.set_result(None)
        except StreamerError as error:
            self._end(error)

    def on_closed(self, error: AdbError) -> None:
        """The video socket is gone."""
        self._end(error)

    def _end(self, error: StreamerError) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
        if not self.started.done():
            self.started.set_exception(error)
            self.started.exception()  # Read: nobody waits for it if the start failed elsewhere.


def _encode(event: InputEvent) -> list[bytes]:
    match event:
        case Touch():
            return [messages.encode_touch(event)]
        case Key():
            return [messages.encode_key(event)]
        case Text():
            return messages.encode_text(event)
        case Scroll():
            return [messages.encode_scroll(event)]
        case Rotate():
            return [messages.encode_rotate()]
