"""
Tickets: short-lived permission to watch or control one session.

A JWT signed by HS256 with the session's own key (RFC 7519). The gateway or
`cloudphone-operator ticket` issues them, the streamer verifies them; so a streamer never holds a
key that is worth anything beyond its one session. The algorithm is pinned, never read from the
token (CVE-2022-29217), and unknown critical headers are refused by the library (CVE-2024-53861).
"""

from enum import StrEnum
from typing import Annotated

import jwt
from pydantic import Field, ValidationError

from cloudphone_protocol.errors import InvalidTicket, TicketExpired
from cloudphone_protocol.model import Message, describe_validation_error

LIFETIME_SECONDS = 60
"""Lifetime of a ticket unless a longer one is asked for: time to open one connection."""

MAX_LIFETIME_SECONDS = 7 * 24 * 3600

_ALGORITHM = "HS256"
_ISSUER = "cloudphone-streaming"


class Permission(StrEnum):
    """What a viewer may do."""

    VIEW = "view"
    CONTROL = "control"
    RECORD = "record"


class Ticket(Message):
    """
    What a valid ticket says.

    `subject` names the viewer for logs and metrics; `id` is unique to the ticket; times are Unix
    seconds.
    """

    id: Annotated[str, Field(alias="jti", min_length=8, max_length=64)]
    subject: Annotated[str, Field(alias="sub", min_length=1, max_length=256)]
    permissions: frozenset[Permission]
    issued_at: Annotated[int, Field(alias="iat")]
    expires_at: Annotated[int, Field(alias="exp")]


def sign_ticket(ticket: Ticket, *, session_uid: str, key: bytes) -> str:
    """
    Write a ticket for one session as a compact JWT.

    Args:
        ticket: What the viewer may do, and until when.
        session_uid: Uid of the StreamSession, the token's audience.
        key: The session's ticket key; at least 32 bytes (RFC 7518 - 3.2).
    Raises:
        InvalidTicket: If the ticket grants nothing or lives too long.
    """
    lifetime_s = ticket.expires_at - ticket.issued_at
    if not 0 < lifetime_s <= MAX_LIFETIME_SECONDS:
        raise InvalidTicket(
            f"lifetime is {lifetime_s} s; expected 1..{MAX_LIFETIME_SECONDS} seconds"
        )
    if Permission.VIEW not in ticket.permissions:
        raise InvalidTicket("permissions lack 'view'; expected at least 'view'")
    claims = {
        "iss": _ISSUER,
        "aud": session_uid,
        "jti": ticket.id,
        "sub": ticket.subject,
        "permissions": sorted(ticket.permissions),
        "iat": ticket.issued_at,
        "exp": ticket.expires_at,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def verify_ticket(token: str, *, session_uid: str, key: bytes) -> Ticket:
    """
    Read a ticket and check signature, audience, issuer and expiry.

    Raises:
        TicketExpired: If it is of this session and was valid.
        InvalidTicket: With a sentence that says what is wrong and never repeats the token.
    """
    # The header of a request may have any bytes, which the library would not encode.
    if not token.isascii():
        raise InvalidTicket("the ticket is not valid: it has characters that no ticket has")
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=session_uid,
            issuer=_ISSUER,
            options={"require": ["exp", "iat", "jti", "sub"], "strict_aud": True},
        )
        ticket = Ticket.model_validate(claims)
    except jwt.ExpiredSignatureError:
        raise TicketExpired("the ticket has expired; get a new one and connect again") from None
    except jwt.InvalidAudienceError:
        raise InvalidTicket("the ticket is for another session") from None
    except jwt.PyJWTError as error:
        raise InvalidTicket(f"the ticket is not valid: {error}") from None
    except ValidationError as error:
        raise InvalidTicket(describe_validation_error(error)) from None
    if Permission.VIEW not in ticket.permissions:
        raise InvalidTicket("the ticket lacks the permission 'view'")
    return ticket
