"""
What the API server refused, or that it could not be reached.

    KubeError
    +-- NotFound        404
    +-- Conflict        409: somebody else wrote since, or another object bears the name
    +-- AlreadyExists   409 at creation
    +-- Forbidden       401, 403: RBAC, admission or quota; it never means that an object is gone
    +-- Invalid         400, 413, 415, 422: the request can never succeed as it stands
    +-- Unavailable     429, 5xx, no connection, no answer in time: worth another try
"""

import json
from http import HTTPStatus

from cloudphone_operator.errors import OperatorError


class KubeError(OperatorError):
    """
    A request to the API server failed.

    Args:
        message: The API server's own sentence, fit for a condition.
        status: HTTP status; None where no answer came.
        reason: Machine word of the API server, e.g. `AlreadyExists`; may be empty.
    """

    def __init__(self, message: str, *, status: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason


class NotFound(KubeError):
    """No such object or no such kind."""


class Conflict(KubeError):
    """The object has changed since it was read, or its uid is another: read again, decide again."""


class AlreadyExists(KubeError):
    """An object of that name is there."""


class Forbidden(KubeError):
    """Not allowed: RBAC, an admission plugin or a quota."""


class Invalid(KubeError):
    """The request is wrong in itself."""


class Unavailable(KubeError):
    """The API server is overloaded or out of reach."""


_BY_STATUS: dict[int, type[KubeError]] = {
    HTTPStatus.BAD_REQUEST: Invalid,
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Invalid,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Invalid,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: Unavailable,
}

_MESSAGE_MAX_CHARACTERS = 1024


def to_error(status: int, body: bytes) -> KubeError:
    """
    The error for a failed answer.

    See the Kubernetes API conventions - Response Status Kind. A proxy in between may answer
    something else than a Status object; its text is used as it stands, shortened.

    Args:
        status: HTTP status, 300 or above.
        body: The answer's body.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("message"):
        message, reason = str(answer["message"]), str(answer.get("reason") or "")
    else:
        text = body.decode(errors="replace").strip()
        message, reason = text or f"the API server answered {status}", ""
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else KubeError)
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    return kind(message[:_MESSAGE_MAX_CHARACTERS], status=status, reason=reason)
