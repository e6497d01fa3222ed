"""The application for probes, Prometheus and the operator; its port is never exposed."""

import hmac
import json
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from cloudphone_protocol.environment import HEALTH_PATH, LIVENESS_PATH, SESSION_PUSH_PATH
from cloudphone_protocol.errors import InvalidMessage
from cloudphone_protocol.problems import ProblemCode
from cloudphone_protocol.session import SessionDocument
from cloudphone_streamer.health import Health
from cloudphone_streamer.metrics import CONTENT_TYPE, Metrics
from cloudphone_streamer.signaling.bearer import CHALLENGE, CHALLENGE_INVALID, bearer_token
from cloudphone_streamer.signaling.problems import HttpProblem, problem_middleware, read_body

MAX_DOCUMENT_BYTES = 256 * 1024

METRICS_PATH = "/metrics"


class InternalEndpoint:
    """
    Handlers of the internal port.

    Args:
        health: Returns the present verdict.
        metrics: The metrics.
        credential: Returns the token that the operator shows.
        session_uid: Returns the uid of the session that this process streams.
        put_in_force: Applies a new document; returns when it is in force.
    """

    def __init__(
        self,
        *,
        health: Callable[[], Health],
        metrics: Metrics,
        credential: Callable[[], str],
        session_uid: Callable[[], str],
        put_in_force: Callable[[SessionDocument], Awaitable[None]],
    ) -> None:
        self._health = health
        self._metrics = metrics
        self._credential = credential
        self._session_uid = session_uid
        self._put_in_force = put_in_force

    def application(self) -> web.Application:
        """The application to serve."""
        app = web.Application(middlewares=[problem_middleware(Counter())])
        app.router.add_get(HEALTH_PATH, self._get_health)
        app.router.add_get(LIVENESS_PATH, self._get_liveness)
        app.router.add_get(METRICS_PATH, self._get_metrics)
        app.router.add_put(SESSION_PUSH_PATH, self._put_session)
        return app

    async def _get_health(self, _request: web.Request) -> web.Response:
        health = self._health()
        return web.Response(
            status=health.http_status, text=health.to_json(), content_type="application/json"
        )

    async def _get_liveness(self, _request: web.Request) -> web.Response:
        return web.Response(text='{"status": "ok"}', content_type="application/json")

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.to_text(), headers={"Content-Type": CONTENT_TYPE})

    async def _put_session(self, request: web.Request) -> web.Response:
        token = bearer_token(request)
        if token is None:
            raise HttpProblem(
                ProblemCode.TOKEN_MISSING, "expected: the session's credential", CHALLENGE
            )
        # aiohttp hands on bytes that are no UTF-8 as surrogates.
        shown = token.encode(errors="surrogateescape")
        if not hmac.compare_digest(shown, self._credential().encode()):
            raise HttpProblem(
                ProblemCode.TOKEN_INVALID, "this is not the session's credential", CHALLENGE_INVALID
            )
        body = await read_body(
            request, limit_bytes=MAX_DOCUMENT_BYTES, too_large=ProblemCode.DOCUMENT_INVALID
        )
        try:
            document = SessionDocument.parse(body)
        except InvalidMessage as error:
            raise HttpProblem(ProblemCode.DOCUMENT_INVALID, str(error)) from None
        if document.session.uid != self._session_uid():
            raise HttpProblem(
                ProblemCode.SESSION_MISMATCH,
                f"session.uid is {document.session.uid}; expected {self._session_uid()}: "
                "this streamer belongs to another StreamSession",
            )
        await self._put_in_force(document)
        return web.Response(
            text=json.dumps({"version": document.version()}), content_type="application/json"
        )
