"""
The ten-second first look: a test picture to touch, without Kubernetes and without a phone.

Everything behind it is the real streamer; only the session is made up here.
"""

import secrets
import time

from cloudphone_protocol.addresses import join_host_port
from cloudphone_protocol.session import Capture, CaptureMode, SessionDocument, SessionRef
from cloudphone_protocol.tickets import Permission, Ticket, sign_ticket

_TICKET_LIFETIME_S = 24 * 3600

DOCUMENT = SessionDocument(
    session=SessionRef(namespace="local", name="demo", uid="demo"),
    capture=Capture(mode=CaptureMode.TEST_PATTERN),
)


class DemoKeys:
    """Keys that last as long as the process."""

    def __init__(self) -> None:
        self._ticket_key = secrets.token_bytes(32)
        self._credential = secrets.token_hex(32)

    def ticket_key(self) -> bytes:
        """Key that signs the demo's ticket."""
        return self._ticket_key

    def credential(self) -> str:
        """Bearer token of the internal port, which nobody here uses."""
        return self._credential


def viewer_url(*, address: str, port: int, keys: DemoKeys) -> str:
    """URL of the viewer page, with a ticket in its fragment, which browsers never send."""
    now_s = int(time.time())
    ticket = Ticket(
        id=secrets.token_hex(8),
        subject="demo",
        permissions=frozenset({Permission.VIEW, Permission.CONTROL}),
        issued_at=now_s,
        expires_at=now_s + _TICKET_LIFETIME_S,
    )
    token = sign_ticket(ticket, session_uid=DOCUMENT.session.uid, key=keys.ticket_key())
    return f"http://{join_host_port(address, port)}/#ticket={token}"
