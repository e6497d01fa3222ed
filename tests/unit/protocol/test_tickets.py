"""Tickets: what grants access, and every way in which a token must not."""

import time

import jwt
import pytest

from cloudphone_protocol.errors import InvalidTicket, TicketExpired
from cloudphone_protocol.tickets import (
    LIFETIME_SECONDS,
    MAX_LIFETIME_SECONDS,
    Permission,
    Ticket,
    sign_ticket,
    verify_ticket,
)

KEY = bytes(range(32))
UID = "3f0c2f4e-session"


def make_ticket(*, issued_at: int | None = None, lifetime_s: int = LIFETIME_SECONDS) -> Ticket:
    issued_at = int(time.time()) if issued_at is None else issued_at
    return Ticket(
        id="ticket-0001",
        subject="ada",
        permissions=frozenset({Permission.VIEW, Permission.CONTROL}),
        issued_at=issued_at,
        expires_at=issued_at + lifetime_s,
    )


def forge(*, key: bytes | str = KEY, algorithm: str = "HS256", **changes: object) -> str:
    """A token that would do but for the changes; it lives on while other tests run first."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "cloudphone-streaming",
        "aud": UID,
        "jti": "ticket-0001",
        "sub": "ada",
        "permissions": ["view"],
        "iat": now,
        "exp": now + 3600,
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_signed_ticket_is_read_back_whole() -> None:
    ticket = make_ticket()
    assert verify_ticket(
        sign_ticket(ticket, session_uid=UID, key=KEY), session_uid=UID, key=KEY
    ) == (ticket)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        pytest.param(forge(aud="another"), "another session", id="of another session"),
        pytest.param(forge(aud=[UID, "another"]), "another session", id="for several sessions"),
        pytest.param(forge(key=bytes(32)), "not valid", id="signed by another key"),
        pytest.param(forge(algorithm="HS512"), "not valid", id="of another algorithm"),
        pytest.param(
            jwt.encode({"aud": UID, "exp": 2**40}, None, algorithm="none"),  # type: ignore[arg-type]
            "not valid",
            id="not signed",
        ),
        pytest.param(forge(iss="cloudphone-streaming.evil"), "not valid", id="of another issuer"),
        pytest.param(forge(iss="cloudphone"), "not valid", id="issuer is a part of ours"),
        pytest.param(forge(exp=1), "has expired", id="expired"),
        pytest.param(forge(exp=None), "not valid", id="without expiry"),
        pytest.param(forge(iat=2**33), "not valid", id="from the future"),
        pytest.param(
            forge(permissions=["control"]), "lacks the permission 'view'", id="cannot view"
        ),
        pytest.param(forge(permissions=["root"]), "permissions", id="unknown permission"),
        pytest.param(forge(sub=None), "not valid", id="without subject"),
        pytest.param("", "not valid", id="empty"),
        pytest.param("a.b.c", "not valid", id="garbage"),
        pytest.param("a" * 100_000, "not valid", id="long garbage"),
        pytest.param("\udcff.b.c", "not valid", id="bytes that are no text"),
    ],
)
def test_a_token_that_grants_nothing(token: str, sentence: str) -> None:
    with pytest.raises(InvalidTicket) as refusal:
        verify_ticket(token, session_uid=UID, key=KEY)
    assert sentence in str(refusal.value)
    assert not token or token not in str(refusal.value)


def test_only_a_ticket_of_this_session_is_called_expired() -> None:
    with pytest.raises(TicketExpired):
        verify_ticket(forge(exp=1), session_uid=UID, key=KEY)
    with pytest.raises(InvalidTicket) as refusal:
        verify_ticket(forge(exp=1, key=bytes(32)), session_uid=UID, key=KEY)
    assert not isinstance(refusal.value, TicketExpired)


def test_an_unknown_critical_header_is_refused() -> None:
    token = jwt.encode(
        {"iss": "cloudphone-streaming", "aud": UID, "exp": 2**33},
        KEY,
        algorithm="HS256",
        headers={"crit": ["teleport"], "teleport": True},
    )
    with pytest.raises(InvalidTicket):
        verify_ticket(token, session_uid=UID, key=KEY)


@pytest.mark.parametrize("lifetime_s", [0, -1, MAX_LIFETIME_SECONDS + 1])
def test_a_ticket_of_no_or_endless_life_is_not_signed(lifetime_s: int) -> None:
    with pytest.raises(InvalidTicket, match="lifetime is"):
        sign_ticket(make_ticket(lifetime_s=lifetime_s), session_uid=UID, key=KEY)


def test_a_ticket_that_cannot_view_is_not_signed() -> None:
    blind = make_ticket().model_copy(update={"permissions": frozenset({Permission.CONTROL})})
    with pytest.raises(InvalidTicket, match="view"):
        sign_ticket(blind, session_uid=UID, key=KEY)
