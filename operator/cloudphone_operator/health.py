"""
Health and metrics of this replica on the internal port.

`/healthz` fails when a restart would help, `/readyz` when this replica cannot do its work now, and
`/metrics` is for Prometheus. A replica that stands by is healthy and ready.
"""

import logging
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_logger = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""Says what is wrong in one sentence; None if nothing is."""


class Health:
    """What is looked at when the kubelet asks; parts add their checks while they run."""

    def __init__(self) -> None:
        self._liveness: dict[str, Check] = {}
        self._readiness: dict[str, Check] = {}

    def add_liveness(self, name: str, check: Check) -> None:
        """Restart this process when `check` finds something wrong."""
        self._liveness[name] = check

    def add_readiness(self, name: str, check: Check) -> None:
        """Count this replica as not ready while `check` finds something wrong."""
        self._readiness[name] = check

    def remove(self, name: str) -> None:
        """Forget the checks of a part that has ended."""
        self._liveness.pop(name, None)
        self._readiness.pop(name, None)

    def failures(self, *, liveness: bool) -> tuple[str, ...]:
        """Sentences about what is wrong, each after the name of its part."""
        checks = self._liveness if liveness else self._readiness
        found = ((name, check()) for name, check in checks.items())
        return tuple(f"{name}: {sentence}" for name, sentence in found if sentence is not None)


async def start_health_server(health: Health, port: int) -> web.AppRunner:
    """
    Serve health and metrics on all addresses; the caller cleans the runner up.

    Raises:
        OSError: If the port is taken.
    """

    async def answer_healthz(_: web.Request) -> web.Response:
        return _answer(health.failures(liveness=True))

    async def answer_readyz(_: web.Request) -> web.Response:
        return _answer(health.failures(liveness=False))

    app = web.Application()
    app.router.add_get("/healthz", answer_healthz)
    app.router.add_get("/readyz", answer_readyz)
    app.router.add_get("/metrics", _answer_metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


def _answer(failures: tuple[str, ...]) -> web.Response:
    if not failures:
        return web.Response(text="ok\n")
    text = "\n".join(failures)
    _logger.warning("unhealthy: %s", "; ".join(failures))
    return web.Response(status=503, text=text + "\n")


async def _answer_metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
