"""
STUN messages of ICE: who a request is for, and what it says. Pure.

Reading and building are aioice's; here is what an ICE agent at the edge of a network needs on top:
a cheap look at the user name before any other work, and one exception for everything malformed.

See RFC 8489 - 5. STUN Message Structure, RFC 8445 - 7.1, 7.3.
"""

import struct
from dataclasses import dataclass

from aioice import stun

_HEADER = struct.Struct("!HHI12x")
_ATTRIBUTE = struct.Struct("!HH")
_BINDING_REQUEST = 0x0001
_BINDING_RESPONSES = {0x0101, 0x0111}
_COOKIE = 0x2112A442
_USERNAME = 0x0006
_MAX_USERNAME_BYTES = 513

BAD_REQUEST = (400, "Bad Request")
UNAUTHENTICATED = (401, "Unauthenticated")
ROLE_CONFLICT = (487, "Role Conflict")


class MalformedStun(ValueError):
    """A datagram that is no STUN message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingRequest:
    """A connectivity check, its integrity proved."""

    transaction_id: bytes
    is_nomination: bool
    """Whether it carries USE-CANDIDATE."""
    peer_is_controlled: bool
    """Whether it carries ICE-CONTROLLED: against a lite agent, a conflict of roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A check that is answered by an error."""

    transaction_id: bytes
    error: tuple[int, str]


def local_user_fragment(datagram: bytes) -> str | None:
    """
    Find whom a binding request is for, without checking anything else.

    Returns:
        The part of USERNAME before the colon; None where this is no binding request with one.
    """
    if len(datagram) < _HEADER.size:
        return None
    kind, length, cookie = _HEADER.unpack_from(datagram)
    if kind != _BINDING_REQUEST or cookie != _COOKIE or length + _HEADER.size != len(datagram):
        return None
    position = _HEADER.size
    while position + _ATTRIBUTE.size <= len(datagram):
        attribute, size = _ATTRIBUTE.unpack_from(datagram, position)
        position += _ATTRIBUTE.size
        if attribute == _USERNAME:
            if size > _MAX_USERNAME_BYTES or position + size > len(datagram):
                return None
            local, _, _ = datagram[position : position + size].partition(b":")
            return local.decode("ascii", "replace")
        position += size + -size % 4
    return None


def is_binding_response(datagram: bytes) -> bool:
    """Whether this looks like an answer, good or bad, to a check."""
    if len(datagram) < _HEADER.size:
        return False
    kind, _, cookie = _HEADER.unpack_from(datagram)
    return kind in _BINDING_RESPONSES and cookie == _COOKIE


def parse_binding_request(
    datagram: bytes, *, username: str, password: str
) -> BindingRequest | RefusedRequest:
    """
    Read a connectivity check and prove its integrity.

    See RFC 8489 - 9.1.3. Receiving a Request, short-term credentials.

    Args:
        datagram: A datagram that `local_user_fragment` understood.
        username: `<local fragment>:<remote fragment>`, as it has to be.
        password: The local ICE password.
    Raises:
        MalformedStun: If it is no well-formed STUN message.
    """
    try:
        message = stun.parse_message(datagram)
    except (ValueError, struct.error) as error:
        raise MalformedStun(str(error)) from None
    transaction_id = message.transaction_id
    attributes = message.attributes
    if "USERNAME" not in attributes or "MESSAGE-INTEGRITY" not in attributes:
        return RefusedRequest(transaction_id=transaction_id, error=BAD_REQUEST)
    if attributes["USERNAME"] != username or not message.check_message_integrity(password.encode()):
        return RefusedRequest(transaction_id=transaction_id, error=UNAUTHENTICATED)
    return BindingRequest(
        transaction_id=transaction_id,
        is_nomination="USE-CANDIDATE" in attributes,
        peer_is_controlled="ICE-CONTROLLED" in attributes,
    )


def success_response(transaction_id: bytes, mapped: tuple[str, int], password: str) -> bytes:
    """Answer a check with the address that it was seen from (RFC 8445 - 7.3.1.2)."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": mapped},
    )
    message.add_message_integrity(password.encode())
    return bytes(message)


def error_response(transaction_id: bytes, error: tuple[int, str], password: str | None) -> bytes:
    """
    Answer a check with an error.

    Args:
        transaction_id: Of the request.
        error: Code and reason phrase.
        password: Of the integrity; None where the request proved none (RFC 8489 - 9.1.3).
    """
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.ERROR,
        transaction_id=transaction_id,
        attributes={"ERROR-CODE": error},
    )
    if password is None:
        message.add_fingerprint()
    else:
        message.add_message_integrity(password.encode())
    return bytes(message)


def binding_request(*, username: str, password: str, priority: int, tie_breaker: int) -> bytes:
    """
    Build a check of the controlled side (RFC 8445 - 7.2.2).

    Args:
        username: `<remote fragment>:<local fragment>`.
        password: The remote one.
        priority: Of a peer-reflexive candidate that the check would reveal.
        tie_breaker: 64 random bits of this agent.
    """
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": username, "PRIORITY": priority, "ICE-CONTROLLED": tie_breaker},
    )
    message.add_message_integrity(password.encode())
    return bytes(message)
