"""
The HTTP endpoint that takes reports of streamers; see `cloudphone_protocol.reports`.

Every replica serves it, and one that does not lead answers 503, so that a streamer that still
reaches it through an old route tries again.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from cloudphone_operator.kube.errors import KubeError
from cloudphone_operator.metrics import REPORTS
from cloudphone_operator.reports.book import ReportBook, Taken
from cloudphone_operator.reports.credentials import Credentials, Verdict
from cloudphone_protocol.errors import InvalidMessage
from cloudphone_protocol.problems import STATUS, Problem, ProblemCode
from cloudphone_protocol.reports import Report, report_path

_BODY_MAX_BYTES = 64 * 1024
_BODY_TIMEOUT_S = 5.0
_BEARER = "Bearer "

_logger = logging.getLogger(__name__)

OnChange = Callable[[str, str], None]
"""Called with namespace and name of a session whose streamer said something new."""


class ReportsServer:
    """
    Takes reports while this replica leads.

    Args:
        book: Where reports are kept.
        credentials: Who may report.
    """

    def __init__(self, book: ReportBook, credentials: Credentials) -> None:
        self._book = book
        self._credentials = credentials
        self._on_change: OnChange | None = None

    def start_taking(self, on_change: OnChange) -> None:
        """Take reports from now on, since this replica leads."""
        self._on_change = on_change

    def stop_taking(self) -> None:
        """Answer 503 from now on."""
        self._on_change = None

    async def serve(self, port: int) -> web.AppRunner:
        """
        Listen on all addresses; the caller cleans the runner up.

        Raises:
            OSError: If the port is taken.
        """
        app = web.Application(client_max_size=_BODY_MAX_BYTES, middlewares=[_count])
        app.router.add_post(report_path("{namespace}", "{name}"), self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, port=port).start()
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        on_change = self._on_change
        if on_change is None:
            return _problem(ProblemCode.UNAVAILABLE, "this replica is not the leader; try again")
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        authorization = request.headers.get("Authorization", "")
        if not authorization.startswith(_BEARER):
            return _problem(
                ProblemCode.TOKEN_MISSING, "expected `Authorization: Bearer <credential>`"
            )
        credential = authorization.removeprefix(_BEARER)
        now_s = asyncio.get_running_loop().time()
        try:
            verdict, session_uid = await self._credentials.check(
                namespace, name, credential, now_s=now_s
            )
        except KubeError as error:
            _logger.warning("report for %s/%s not checked: %s", namespace, name, error)
            verdict, session_uid = Verdict.LATER, ""
        if verdict is Verdict.LATER:
            response = _problem(ProblemCode.UNAVAILABLE, "the credential could not be checked now")
            response.headers["Retry-After"] = "1"
            return response
        if verdict is Verdict.UNKNOWN:
            return _problem(ProblemCode.TOKEN_INVALID, "unknown session or wrong credential")
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        try:
            report = Report.parse(body)
        except InvalidMessage as error:
            return _problem(ProblemCode.DOCUMENT_INVALID, str(error))
        if report.session_uid != session_uid:
            return _problem(
                ProblemCode.SESSION_MISMATCH,
                f"sessionUid is {report.session_uid[:64]}; expected {session_uid}: the pod has "
                "outlived its session",
            )
        taken = self._book.take(namespace, name, report, now=datetime.now(UTC))
        if taken is Taken.CHANGED:
            on_change(namespace, name)
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _problem(code: ProblemCode, message: str) -> web.Response:
    return web.Response(
        status=STATUS[code],
        text=Problem(error=code, message=message).to_json(),
        content_type="application/json",
    )


@web.middleware
async def _count(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        REPORTS.labels(error.status).inc()
        raise
    REPORTS.labels(response.status).inc()
    return response
