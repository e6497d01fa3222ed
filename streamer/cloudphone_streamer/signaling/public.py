"""The application that viewers reach: the page, WHEP, and a health that tells nothing more."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from cloudphone_protocol.environment import HEALTH_PATH
from cloudphone_streamer.health import Health
from cloudphone_streamer.signaling.page import add_page_routes
from cloudphone_streamer.signaling.problems import problem_middleware
from cloudphone_streamer.signaling.whep import WhepEndpoint

_CORS_MAX_AGE_S = 600
_EXPOSED_HEADERS = "Accept-Patch, ETag, Link, Location, Retry-After"


def public_application(
    *,
    whep: WhepEndpoint,
    health: Callable[[], Health],
    allowed_origins: Sequence[str],
    refused: Counter[str],
) -> web.Application:
    """
    Make the application of the public port.

    Args:
        whep: The WHEP endpoint.
        health: Returns the present verdict.
        allowed_origins: Sites whose pages may play the stream and frame the viewer page.
        refused: Counts refused requests by machine code.
    """
    app = web.Application(middlewares=[problem_middleware(refused)])

    async def get_health(_request: web.Request) -> web.Response:
        verdict = health()
        return web.Response(
            status=verdict.http_status,
            text=verdict.to_public_json(),
            content_type="application/json",
        )

    app.router.add_get(HEALTH_PATH, get_health)
    whep.add_routes(app.router)
    add_page_routes(app.router)
    app.on_response_prepare.append(_security_headers(allowed_origins))
    return app


def _security_headers(
    allowed_origins: Sequence[str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """
    Make the hook that adds security headers to every response.

    Without an allowed origin there is no CORS header at all: only our own page may call us.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "media-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            " ".join(("frame-ancestors 'self'", *allowed_origins)),
        )
    )
    always = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(always)
        if not allowed_origins:
            return
        response.headers["Vary"] = "Origin"
        origin = request.headers.get("Origin")
        if origin is not None and origin in allowed_origins:
            response.headers.update(
                {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": "DELETE, OPTIONS, PATCH, POST",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
                    "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
                    "Access-Control-Max-Age": str(_CORS_MAX_AGE_S),
                }
            )

    return add
