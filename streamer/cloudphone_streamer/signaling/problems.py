"""Errors as JSON with a machine code, whatever raised them."""

import logging
from collections import Counter
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from cloudphone_protocol.problems import STATUS, Problem, ProblemCode

logger = logging.getLogger(__name__)


class HttpProblem(Exception):
    """
    A request that is not carried out.

    Args:
        code: Machine code; it decides the status.
        message: Sentence for people.
        headers: Headers that the status asks for.
    """

    def __init__(
        self, code: ProblemCode, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers or {})

    def to_response(self) -> web.Response:
        """The problem as a response that no cache keeps."""
        return web.Response(
            status=STATUS[self.code],
            text=Problem(error=self.code, message=str(self)).to_json(),
            content_type="application/json",
            headers={"Cache-Control": "no-store", **self.headers},
        )


def problem_middleware(refused: Counter[str]) -> Middleware:
    """
    Make the middleware that answers every error as a problem.

    Args:
        refused: Counts the problems by machine code.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except HttpProblem as error:
            problem = error
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            problem = HttpProblem(
                ProblemCode.METHOD_NOT_ALLOWED,
                f"method is {request.method}; expected one of {allowed}",
                {"Allow": allowed},
            )
        except web.HTTPNotFound:
            problem = HttpProblem(ProblemCode.NO_SUCH_RESOURCE, "there is nothing at this path")
        except web.HTTPException:
            raise
        except Exception:
            logger.exception("request failed", extra={"method": request.method})
            problem = HttpProblem(
                ProblemCode.INTERNAL_ERROR, "the request failed; the streamer's log has details"
            )
        refused[problem.code] += 1
        return problem.to_response()

    return middleware


async def read_body(request: web.Request, *, limit_bytes: int, too_large: ProblemCode) -> str:
    """
    Read a text body.

    Raises:
        HttpProblem: If it is longer than `limit_bytes`, or cannot be read.
    """
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit_bytes:
                raise HttpProblem(too_large, f"the body is longer than {limit_bytes} bytes")
    except (web.RequestPayloadError, ConnectionError):
        # The client is gone, or broke off: nothing of ours has failed.
        raise HttpProblem(
            ProblemCode.BODY_UNREADABLE, "the body ended early; expected all of it"
        ) from None
    return body.decode("utf-8", errors="replace")
