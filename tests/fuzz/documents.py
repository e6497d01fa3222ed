"""What comes by HTTP: tickets, session documents, reports."""

import contextlib
import json
import time

import jwt

from cloudphone_protocol.errors import InvalidMessage, InvalidTicket
from cloudphone_protocol.reports import Report
from cloudphone_protocol.session import SessionDocument
from cloudphone_protocol.tickets import Permission, verify_ticket
from cloudphone_streamer.adb.address import parse_address
from cloudphone_streamer.errors import StreamerError
from cloudphone_streamer.session import change_between

KEY = b"k" * 32
UID = "0b4cd9a5-7a5e-4a51-a2a4-1d1f5e6f2f00"
FIRST = SessionDocument.parse(
    '{"session": {"namespace": "phones", "name": "a", "uid": "u"}, "device": {"address": "192.0.2.1:5555"}}'
)


def ticket(data: bytes) -> None:
    """A ticket of which nothing is proved; and one of the session's key with any claims."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        verify_ticket(text, session_uid=UID, key=KEY)
    except InvalidTicket:
        pass
    else:
        raise AssertionError("a forged ticket was taken")
    try:
        claims = json.loads(data)
        token = jwt.encode(claims, KEY, algorithm="HS256")
    except (ValueError, TypeError, RecursionError, OverflowError):
        return
    with contextlib.suppress(InvalidTicket):
        taken = verify_ticket(token, session_uid=UID, key=KEY)
        assert Permission.VIEW in taken.permissions
        assert taken.expires_at > time.time() - 1


def session_document(data: bytes) -> None:
    """A session document: what was read is written and read again, and compared."""
    try:
        document = SessionDocument.parse(data)
    except InvalidMessage:
        return
    assert SessionDocument.parse(document.to_json()) == document
    change_between(FIRST, document)
    if document.device is not None:
        with contextlib.suppress(StreamerError):
            _, port = parse_address(document.device.address)
            assert 0 < port < 65_536


def report(data: bytes) -> None:
    """A streamer's report, as the operator reads it."""
    with contextlib.suppress(InvalidMessage):
        taken = Report.parse(data)
        assert Report.parse(taken.to_json()) == taken
