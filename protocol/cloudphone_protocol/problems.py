"""
Errors of the HTTP API: `{"error": "<machine code>", "message": "<sentence>"}`.

The envelope is the one that clients of the Go media service know from its recordings API.
"""

from enum import StrEnum

from cloudphone_protocol.model import Message


class ProblemCode(StrEnum):
    """Machine codes; the HTTP status that goes with each is in `STATUS`."""

    TOKEN_MISSING = "token_missing"  # noqa: S105 - a machine code, no secret
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a machine code, no secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a machine code, no secret
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    BODY_UNREADABLE = "body_unreadable"
    SDP_MALFORMED = "sdp_malformed"
    SDP_TOO_LARGE = "sdp_too_large"
    NO_COMMON_CODEC = "no_common_codec"
    NO_SUCH_RESOURCE = "no_such_resource"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    VIEWER_LIMIT_REACHED = "viewer_limit_reached"
    NOT_STREAMING = "not_streaming"
    SHUTTING_DOWN = "shutting_down"
    SESSION_MISMATCH = "session_mismatch"
    DOCUMENT_INVALID = "document_invalid"
    ETAG_MISSING = "etag_missing"
    ETAG_MISMATCH = "etag_mismatch"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


STATUS: dict[ProblemCode, int] = {
    ProblemCode.TOKEN_MISSING: 401,
    ProblemCode.TOKEN_INVALID: 401,
    ProblemCode.TOKEN_EXPIRED: 401,
    ProblemCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ProblemCode.BODY_UNREADABLE: 400,
    ProblemCode.SDP_MALFORMED: 400,
    ProblemCode.SDP_TOO_LARGE: 413,
    ProblemCode.NO_COMMON_CODEC: 406,
    ProblemCode.NO_SUCH_RESOURCE: 404,
    ProblemCode.METHOD_NOT_ALLOWED: 405,
    ProblemCode.VIEWER_LIMIT_REACHED: 409,
    ProblemCode.NOT_STREAMING: 503,
    ProblemCode.SHUTTING_DOWN: 503,
    ProblemCode.SESSION_MISMATCH: 409,
    ProblemCode.DOCUMENT_INVALID: 422,
    ProblemCode.ETAG_MISSING: 428,
    ProblemCode.ETAG_MISMATCH: 412,
    ProblemCode.UNAVAILABLE: 503,
    ProblemCode.INTERNAL_ERROR: 500,
}
"""HTTP status of each code."""


class Problem(Message):
    """Body of an error response."""

    error: ProblemCode
    message: str
