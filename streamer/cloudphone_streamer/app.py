"""
The streamer put together: capture, fan-out, connections, HTTP, reports.

`main` makes one, starts it and closes it. The parts know each other only through what is passed
here.
"""

import asyncio
import errno
import logging
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from aiohttp import web

from cloudphone_protocol.reports import CaptureReport, CaptureState, Report
from cloudphone_protocol.session import SessionDocument
from cloudphone_streamer.adb.keys import AdbKey
from cloudphone_streamer.capture.factory import make_capture
from cloudphone_streamer.errors import PortUnavailable
from cloudphone_streamer.health import Health, judge
from cloudphone_streamer.metrics import Metrics, Snapshot
from cloudphone_streamer.pipeline import Pipeline, starting
from cloudphone_streamer.reporting import Reporter, encoder_report
from cloudphone_streamer.session import Change, SessionKeys, change_between
from cloudphone_streamer.settings import Settings
from cloudphone_streamer.signaling.ice_servers import IceServers
from cloudphone_streamer.signaling.internal import InternalEndpoint
from cloudphone_streamer.signaling.public import public_application
from cloudphone_streamer.signaling.whep import WhepEndpoint
from cloudphone_streamer.viewers.registry import Viewers
from cloudphone_streamer.webrtc.server import MediaServer

logger = logging.getLogger(__name__)

_CLOSE_WITHIN_S = 4.0
_FAREWELL_S = 0.2
"""Time for the last message to reach the viewers before their connections are closed."""


class Streamer:
    """
    One session's streamer.

    Args:
        settings: What never changes in this process' life.
        document: The session as it starts.
        keys: The session's keys.
        addresses: Addresses that viewers reach, in order of preference.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        document: SessionDocument,
        keys: SessionKeys,
        addresses: Sequence[str],
    ) -> None:
        self._settings = settings
        self._document = document
        self._capture = starting(document)
        self._is_closing = False
        self._started_at_ms = int(time.time() * 1000)
        self._requests_refused: Counter[str] = Counter()
        self._document_lock = asyncio.Lock()
        self._runners: list[web.AppRunner] = []
        self._reporting: asyncio.Task[None] | None = None

        self._pipeline = Pipeline(
            make_capture=partial(
                make_capture,
                scrcpy_server_path=settings.scrcpy_server_path,
                connect_timeout_s=settings.adb_connect_timeout,
                command_timeout_s=settings.adb_command_timeout,
                adb_key=AdbKey.load(settings.adb_key_path) if settings.adb_key_path else None,
            ),
            on_report=self._on_capture_report,
        )
        self._media = MediaServer(
            addresses=addresses,
            port_min=settings.ice_port_min,
            port_max=settings.ice_port_max,
            fanout=self._pipeline.fanout,
        )
        self._reporter = Reporter(
            make_report=self._report,
            document=lambda: self._document,
            credential=keys.credential,
        )
        self._viewers = Viewers(
            access=document.access,
            capture=self._capture,
            inject=self._pipeline.inject,
            on_change=self._reporter.notify,
        )
        self._whep = WhepEndpoint(
            media=self._media,
            viewers=self._viewers,
            keys=keys,
            session_uid=lambda: self._document.session.uid,
            capture=lambda: self._capture,
            ice_servers=IceServers(
                stun_urls=settings.stun_servers,
                turn_urls=settings.turn_urls,
                username=settings.turn_username,
                credential=settings.turn_credential.get_secret_value(),
                auth_secret=settings.turn_auth_secret.get_secret_value(),
            ),
            codecs=lambda: self._document.video.codecs,
        )
        self._internal = InternalEndpoint(
            health=self._health,
            metrics=Metrics(self._snapshot),
            credential=keys.credential,
            session_uid=lambda: self._document.session.uid,
            put_in_force=self.put_in_force,
        )

    async def start(self) -> None:
        """
        Take all ports and begin to capture.

        Raises:
            StreamerError: If one of the ports cannot be had.
        """
        logger.info(
            "streamer starts",
            extra={
                "session": f"{self._document.session.namespace}/{self._document.session.name}",
                "uid": self._document.session.uid,
                "version": self._document.version(),
                "pod": self._settings.pod_name,
                "node": self._settings.node_name,
            },
        )
        await self._media.start()
        public = public_application(
            whep=self._whep,
            health=self._health,
            allowed_origins=self._settings.cors_allowed_origins,
            refused=self._requests_refused,
        )
        await self._serve(public, self._settings.port, "PORT")
        await self._serve(
            self._internal.application(), self._settings.internal_port, "INTERNAL_PORT"
        )
        self._pipeline.start(self._document)
        self._reporting = asyncio.create_task(self._reporter.run(), name="reports")

    async def put_in_force(self, document: SessionDocument) -> None:
        """Apply a new session document; returns when it is in force."""
        async with self._document_lock:
            change = change_between(self._document, document)
            self._document = document
            self._viewers.set_access(document.access)
            if change is Change.CAPTURE:
                await self._pipeline.replace(document)
            logger.info(
                "session document in force",
                extra={"version": document.version(), "change": change},
            )
            self._reporter.notify()

    async def close(self) -> None:
        """Tell the viewers, end everything; returns within five seconds."""
        self._is_closing = True
        self._whep.close()
        self._viewers.close()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                if self._viewers.count:
                    await asyncio.sleep(_FAREWELL_S)
                if self._reporting is not None:
                    self._reporting.cancel()
                await asyncio.gather(
                    self._media.close(),
                    self._pipeline.close(),
                    *(runner.cleanup() for runner in self._runners),
                )
        except TimeoutError:
            logger.warning("not everything ended in time", extra={"waited_s": _CLOSE_WITHIN_S})

    async def _serve(self, application: web.Application, port: int, variable: str) -> None:
        # Nobody needs compressed requests, and small ones could unpack to large ones.
        runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=0.5, auto_decompress=False
        )
        await runner.setup()
        self._runners.append(runner)
        try:
            await web.TCPSite(runner, port=port).start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                remedy = (
                    f"end the program that has it (`ss -ltnp sport = :{port}` names it) "
                    f"or set {variable} to a free port"
                )
            else:
                remedy = f"set {variable} to a port that this user may listen on"
            raise PortUnavailable(
                f"{variable} is {port}, which cannot be listened on ({error.strerror}); {remedy}"
            ) from None

    def _on_capture_report(self, report: CaptureReport) -> None:
        if report.state is not self._capture.state or report.reason != self._capture.reason:
            level = logging.WARNING if report.state is CaptureState.FAILED else logging.INFO
            logger.log(
                level,
                "capture %s",
                report.state.lower(),
                extra={"reason": report.reason, "detail": report.message},
            )
        self._capture = report
        self._viewers.set_capture(report)
        self._reporter.notify()

    def _health(self) -> Health:
        return judge(self._capture, is_closing=self._is_closing)

    def _report(self, sequence: int) -> Report:
        return Report(
            session_uid=self._document.session.uid,
            pod_name=self._settings.pod_name,
            sequence=sequence,
            started_at_ms=self._started_at_ms,
            document_version=self._document.version(),
            capture=self._capture,
            encoder=encoder_report(self._document),
            viewers=self._viewers.count,
        )

    def _snapshot(self) -> Snapshot:
        media = self._media.stats()
        return Snapshot(
            is_capturing=self._capture.state is CaptureState.RUNNING,
            rates=self._pipeline.meter.rates(time.monotonic()),
            frames_total=self._pipeline.meter.frames_total,
            viewers=self._viewers.count,
            viewers_total=self._viewers.connected_total,
            messages_total=self._viewers.messages_total,
            messages_refused_total=self._viewers.refusals_total,
            events_dropped_total=self._pipeline.dropped_events_total,
            requests_refused_total=self._requests_refused,
            report_failures_total=self._reporter.failures_total,
            packets_sent_total=media.packets_sent,
            bytes_sent_total=media.bytes_sent,
            packets_resent_total=media.retransmitted_packets,
            packets_skipped_total=media.packets_skipped,
            key_frame_requests_total=media.key_frame_requests,
            viewers_by_rung=media.viewers_by_rung,
            rung_changes_total=media.rung_changes,
        )
