"""Tokens of the Authorization header (RFC 6750)."""

from aiohttp import web

CHALLENGE = {"WWW-Authenticate": "Bearer"}
CHALLENGE_INVALID = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def bearer_token(request: web.Request) -> str | None:
    """
    The request's bearer token; None if there is none.

    Only the header counts: a token in the query would end up in logs and histories.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None
