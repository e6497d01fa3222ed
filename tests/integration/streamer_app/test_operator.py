"""What passes between operator and streamer: documents one way, reports the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
from aiohttp import web

from cloudphone_protocol.reports import CaptureState, Report, report_path
from cloudphone_protocol.session import (
    Access,
    Capture,
    CaptureMode,
    ControlPolicy,
    Reports,
    Video,
)
from tests.integration.streamer_app.process import DOCUMENT, Session, free_port, streamer
from tests.integration.streamer_app.process import Streamer as StreamerProcess
from tests.support.whep import WhepViewer


class Operator:
    """Takes reports as the operator does."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.reports: list[Report] = []
        self.tokens: set[str] = set()
        self.answers_after_s = 0.0
        self.status = 204
        self._port = port
        self._heard = asyncio.Condition()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post(report_path("phones", "phone-1"), self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def until(self, number: int, timeout_s: float = 15) -> Report:
        """The report with this sequence number or a later one."""
        async with asyncio.timeout(timeout_s), self._heard:
            await self._heard.wait_for(lambda: self._latest() >= number)
        return self.reports[-1]

    async def until_state(self, *, timeout_s: float = 15, **fields: object) -> Report:
        async with asyncio.timeout(timeout_s), self._heard:
            await self._heard.wait_for(
                lambda: any(self._fits(report, fields) for report in self.reports[-1:])
            )
        return self.reports[-1]

    def _fits(self, report: Report, fields: dict[str, object]) -> bool:
        return all(getattr(report, name) == value for name, value in fields.items())

    def _latest(self) -> int:
        return self.reports[-1].sequence if self.reports else -1

    async def _take(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        await asyncio.sleep(self.answers_after_s)
        async with self._heard:
            self.reports.append(Report.parse(await request.text()))
            self._heard.notify_all()
        return web.Response(status=self.status)


class ControlViewer(WhepViewer):
    """A viewer that listens to what the streamer says on the control channel."""

    def __init__(self, running: StreamerProcess) -> None:
        super().__init__(f"{running.url}/whep", running.session.ticket())
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.control.on("message", lambda text: self._messages.put_nowait(json.loads(text)))

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def next_state(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (message := await self._messages.get())["type"] != "state":
                pass
        return message


@pytest.fixture
def operator() -> Operator:
    return Operator(free_port())


@pytest.fixture
def reporting(session: Session, operator: Operator) -> Session:
    document = DOCUMENT.model_copy(update={"reports": Reports(url=operator.url)})
    return Session(directory=session.directory, document=document)


async def test_a_change_is_reported_at_once_and_in_order(
    reporting: Session, operator: Operator
) -> None:
    async with operator.listening(), streamer(reporting) as running:
        report = await operator.until_state(viewers=0, timeout_s=5)
        assert report.session_uid == "uid-1"
        assert report.pod_name == "phone-1-0"
        assert report.document_version == reporting.document.version()
        assert (await operator.until(1)).capture.state is CaptureState.RUNNING
        async with WhepViewer(f"{running.url}/whep", reporting.ticket()) as viewer:
            await viewer.connect()
            await operator.until_state(viewers=1, timeout_s=5)
        await operator.until_state(viewers=0, timeout_s=5)
    assert operator.tokens == {f"Bearer {reporting.credential}"}
    sequence = [report.sequence for report in operator.reports]
    assert sequence == sorted(set(sequence))
    assert len({report.started_at_ms for report in operator.reports}) == 1


async def test_reports_are_taken_up_again_when_the_operator_is_back(
    reporting: Session, operator: Operator
) -> None:
    async with streamer(reporting) as running:
        await asyncio.sleep(0.5)
        assert await running.metric("media_service_report_failures_total") > 0
        async with operator.listening():
            report = await operator.until_state(viewers=0)
            assert report.capture.state is CaptureState.RUNNING


async def test_each_new_reason_why_reports_are_not_taken_is_logged_once(
    reporting: Session, operator: Operator
) -> None:
    operator.status = 401
    async with streamer(reporting) as running:
        await asyncio.sleep(0.5)
        async with operator.listening():
            first = await operator.until(0)
            await operator.until(first.sequence + 2)
        log = running.log.read_text()
    reasons = [line for line in log.splitlines() if "report not taken" in line]
    assert len(reasons) == 2
    assert "HTTP 401" in reasons[1]


async def test_an_operator_that_hangs_delays_no_picture(
    reporting: Session, operator: Operator
) -> None:
    operator.answers_after_s = 60
    async with (
        operator.listening(),
        streamer(reporting) as running,
        WhepViewer(f"{running.url}/whep", reporting.ticket()) as viewer,
    ):
        await viewer.connect()
        async with asyncio.timeout(10):
            for _ in range(60):
                await viewer.next_frame()
        assert await running.end() == 0
        viewer._resource = None


async def test_a_pushed_document_is_in_force_and_reported(
    reporting: Session, operator: Operator
) -> None:
    changed = reporting.document.model_copy(update={"access": Access(max_viewers=7)})
    async with operator.listening(), streamer(reporting) as running:
        assert await running.push(changed) == (200, {"version": changed.version()})
        await operator.until_state(document_version=changed.version(), timeout_s=5)


async def test_documents_of_others_and_broken_ones_are_refused(running: StreamerProcess) -> None:
    url = f"{running.internal_url}/internal/v1/session"
    status, body = await running.push(DOCUMENT, credential="0" * 64)
    assert (status, body["error"]) == (401, "token_invalid")
    async with running.http.put(url, data=DOCUMENT.to_json()) as response:
        assert (response.status, (await response.json())["error"]) == (401, "token_missing")
    other = DOCUMENT.model_copy(
        update={"session": DOCUMENT.session.model_copy(update={"uid": "uid-2"})}
    )
    status, body = await running.push(other)
    assert (status, body["error"]) == (409, "session_mismatch")
    async with running.http.put(
        url, data="{", headers={"Authorization": f"Bearer {running.session.credential}"}
    ) as response:
        assert (response.status, (await response.json())["error"]) == (422, "document_invalid")


async def test_limits_are_in_force_at_once_and_the_picture_goes_on(
    running: StreamerProcess,
) -> None:
    frames_before = await running.metric("media_service_pipeline_frames_total")
    async with ControlViewer(running) as viewer:
        state = await viewer.next_state()
        assert state["mayControl"] is False, "the ticket permits only to watch"
        exclusive = DOCUMENT.model_copy(
            update={"access": Access(control=ControlPolicy.EXCLUSIVE, max_viewers=1)}
        )
        await running.push(exclusive)
        async with running.http.post(
            f"{running.url}/whep",
            data="v=0",
            headers={
                "Content-Type": "application/sdp",
                "Authorization": f"Bearer {running.session.ticket()}",
            },
        ) as response:
            assert response.status == 409
        await viewer.next_frame()
    assert await running.metric("media_service_pipeline_frames_total") > frames_before


async def test_a_new_capture_keeps_the_viewers_and_tells_them(running: StreamerProcess) -> None:
    smaller = DOCUMENT.model_copy(update={"video": Video(max_size_px=640)})
    async with ControlViewer(running) as viewer:
        assert (await viewer.next_state())["state"] == "streaming"
        before = await viewer.next_frame()
        await running.push(smaller)
        assert (await viewer.next_state())["state"] == "reconnecting"
        assert (await viewer.next_state())["state"] == "streaming"
        async with asyncio.timeout(10):
            while (await viewer.next_frame()).height == before.height:
                pass
        assert await running.metric("media_service_sessions_total") == 1


async def test_a_mode_that_is_not_there_is_said_and_mended_by_the_next_document(
    running: StreamerProcess,
) -> None:
    screencap = DOCUMENT.model_copy(update={"capture": Capture(mode=CaptureMode.SCREENCAP)})
    async with ControlViewer(running) as viewer:
        assert (await viewer.next_state())["state"] == "streaming"
        await running.push(screencap)
        async with asyncio.timeout(5):
            while (state := await viewer.next_state())["state"] != "failed":
                pass
        assert state["reason"] == "CaptureModeNotAvailable"
        async with running.http.get(f"{running.internal_url}/health") as response:
            assert response.status == 503
            assert (await response.json())["reason"] == "CaptureModeNotAvailable"
        async with running.http.get(f"{running.internal_url}/livez") as response:
            assert response.status == 200
        await running.push(DOCUMENT)
        async with asyncio.timeout(5):
            while (await viewer.next_state())["state"] != "streaming":
                pass


async def test_the_end_is_announced(running: StreamerProcess) -> None:
    async with ControlViewer(running) as viewer:
        assert (await viewer.next_state())["state"] == "streaming"
        assert await running.end() == 0
        assert (await viewer.next_state())["state"] == "closing"
        viewer._resource = None
