import base64

import pytest

from cloudphone_operator.ticket import (
    TicketError,
    parse_lifetime,
    parse_permissions,
    parse_session_name,
    parse_ticket_key,
)
from cloudphone_protocol.tickets import Permission


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("60s", 60), ("10m", 600), ("12h", 43_200), ("7d", 604_800)]
)
def test_lifetimes(text: str, seconds: int) -> None:
    assert parse_lifetime(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "60", "0s", "-1s", "8d", "169h", "1w", "1.5h", "٣s", "9" * 99 + "s"]
)
def test_what_is_no_lifetime_is_refused(text: str) -> None:
    with pytest.raises(TicketError, match="expected a number and s, m, h or d, from 1s to 7d"):
        parse_lifetime(text)


def test_permissions() -> None:
    assert parse_permissions("view") == {Permission.VIEW}
    assert parse_permissions("control, view") == {Permission.VIEW, Permission.CONTROL}
    with pytest.raises(TicketError, match="expected some of view, control, record"):
        parse_permissions("view,admin")
    with pytest.raises(TicketError, match="expected view among them"):
        parse_permissions("control")


def test_session_names() -> None:
    assert parse_session_name("phones/phone-1") == ("phones", "phone-1")
    for text in ("phone-1", "/phone-1", "phones/", "a/b/c", ""):
        with pytest.raises(TicketError, match="expected NAMESPACE/NAME"):
            parse_session_name(text)


def secret(key: str) -> dict[str, object]:
    encoded = base64.b64encode(key.encode()).decode()
    return {"metadata": {"name": "s"}, "data": {"ticket-key": encoded}}


def test_the_key_is_read_as_hex() -> None:
    assert parse_ticket_key(secret("ab" * 32)) == b"\xab" * 32


@pytest.mark.parametrize("key", ["", "ab" * 31, "zz" * 32, "\x00" * 64])
def test_what_is_no_key_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(TicketError, match="ticket-key is no key of 64 hex digits") as refused:
        parse_ticket_key(secret(key))
    assert not key or key not in str(refused.value)
