"""
The command `ticket NS/NAME`: permission to watch one session, for people who may read its Secret.

It runs with the user's kubeconfig, and prints the ticket and nothing else, so that a script can use
it. Whoever may read the session's Secret may do this; the operator is not asked.
"""

import argparse
import base64
import binascii
import getpass
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from cloudphone_operator.errors import OperatorError
from cloudphone_operator.kube.client import KubeClient, connect
from cloudphone_operator.kube.errors import Forbidden, NotFound
from cloudphone_operator.kube.resources import SECRETS, STREAM_SESSIONS
from cloudphone_operator.names import child_name
from cloudphone_protocol.environment import TICKET_KEY_FILE
from cloudphone_protocol.errors import InvalidTicket
from cloudphone_protocol.tickets import (
    LIFETIME_SECONDS,
    MAX_LIFETIME_SECONDS,
    Permission,
    Ticket,
    sign_ticket,
)

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LIFETIME = re.compile(r"([0-9]{1,9})([smhd])")
_SUBJECT_MAX_CHARACTERS = 256


class TicketError(OperatorError):
    """No ticket can be issued; the text says what to do."""


def parse_lifetime(text: str) -> int:
    """
    Read a lifetime such as `60s`, `10m`, `12h` or `7d`.

    Returns:
        Seconds.
    Raises:
        TicketError: If it is none, or longer than tickets may live.
    """
    found = _LIFETIME.fullmatch(text)
    lifetime_s = int(found[1]) * _UNIT_SECONDS[found[2]] if found else 0
    if not 0 < lifetime_s <= MAX_LIFETIME_SECONDS:
        longest = f"{MAX_LIFETIME_SECONDS // _UNIT_SECONDS['d']}d"
        raise TicketError(
            f"lifetime is {text!r:.40}; expected a number and s, m, h or d, from 1s to {longest}"
        )
    return lifetime_s


def parse_permissions(text: str) -> frozenset[Permission]:
    """
    Read permissions such as `view,control`.

    Raises:
        TicketError: If one is unknown or `view` is missing.
    """
    known = ", ".join(Permission)
    try:
        permissions = frozenset(Permission(part.strip()) for part in text.split(","))
    except ValueError:
        raise TicketError(f"permissions are {text!r:.80}; expected some of {known}") from None
    if Permission.VIEW not in permissions:
        raise TicketError(f"permissions are {text!r:.80}; expected view among them")
    return permissions


def parse_session_name(text: str) -> tuple[str, str]:
    """
    Read `NAMESPACE/NAME`.

    Raises:
        TicketError: If it is none.
    """
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise TicketError(f"session is {text!r:.80}; expected NAMESPACE/NAME, e.g. phones/phone-1")
    return namespace, name


def parse_ticket_key(secret: Mapping[str, Any]) -> bytes:
    """
    The key that signs a session's tickets, from the session's Secret.

    Raises:
        TicketError: If the Secret has no such key.
    """
    encoded = (secret.get("data") or {}).get(TICKET_KEY_FILE, "")
    try:
        key = bytes.fromhex(base64.b64decode(encoded, validate=True).decode())
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise TicketError(
            f"Secret {secret['metadata']['name']}: {TICKET_KEY_FILE} is no key of 64 hex digits; "
            "delete the Secret and the operator makes a new one"
        )
    return key


async def issue_ticket(
    kube: KubeClient,
    namespace: str,
    name: str,
    *,
    lifetime_s: int,
    permissions: frozenset[Permission],
    subject: str,
) -> str:
    """
    Sign a ticket for a session with the key in its Secret.

    Args:
        kube: Access to the API server as the user who asks.
        namespace: Namespace of the session.
        name: Name of the session.
        lifetime_s: How long the ticket is good for.
        permissions: What its holder may do.
        subject: Name of its holder in logs.
    Returns:
        The ticket, a compact JWT.
    Raises:
        TicketError: If there is no such session, it is not ready for it, or the Secret must not
            be read.
        KubeError: If the API server cannot be asked.
    """
    where = f"{namespace}/{name}"
    secret_name = child_name(name)
    try:
        session = await kube.get(STREAM_SESSIONS, namespace, name)
        if session is None:
            raise TicketError(
                f"there is no StreamSession {where}; `kubectl get streams -A` lists those there are"
            )
        secret = await kube.get(SECRETS, namespace, secret_name)
    except NotFound as error:  # the kind itself
        raise TicketError(f"this cluster knows no StreamSessions: {error}") from None
    except Forbidden as error:
        raise TicketError(
            f"not allowed: {error}. A ticket needs `get` on the StreamSession and on the Secret "
            f"{namespace}/{secret_name}"
        ) from None
    if secret is None:
        raise TicketError(
            f"StreamSession {where} has no Secret {secret_name} yet, since the operator has not "
            f"prepared it; `kubectl describe stream {name} -n {namespace}` says why"
        )
    issued_at = int(time.time())
    ticket = Ticket(
        id=secrets.token_hex(16),
        subject=subject,
        permissions=permissions,
        issued_at=issued_at,
        expires_at=issued_at + lifetime_s,
    )
    uid = session["metadata"]["uid"]
    try:
        return sign_ticket(ticket, session_uid=uid, key=parse_ticket_key(secret))
    except InvalidTicket as error:
        raise TicketError(str(error)) from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("session", metavar="NAMESPACE/NAME", help="the StreamSession")
    parser.add_argument(
        "--lifetime",
        default=f"{LIFETIME_SECONDS}s",
        help="how long the ticket is good for, e.g. 60s, 10m, 12h, 7d (default: %(default)s)",
    )
    parser.add_argument(
        "--permissions",
        default=f"{Permission.VIEW},{Permission.CONTROL}",
        help="what its holder may do, of view, control, record (default: %(default)s)",
    )
    parser.add_argument(
        "--subject", default=None, help="name of its holder in logs (default: your user name)"
    )
    parser.add_argument(
        "--context", default=None, help="context of the kubeconfig (default: the current one)"
    )


async def run(arguments: argparse.Namespace) -> str:
    """
    Carry the command out.

    Args:
        arguments: As declared by `add_arguments`.
    Returns:
        The ticket, to be printed.
    Raises:
        TicketError: If none can be issued.
        KubeError: If the API server cannot be asked.
    """
    namespace, name = parse_session_name(arguments.session)
    lifetime_s = parse_lifetime(arguments.lifetime)
    permissions = parse_permissions(arguments.permissions)
    subject = arguments.subject if arguments.subject is not None else _user_name()
    if not 1 <= len(subject) <= _SUBJECT_MAX_CHARACTERS:
        raise TicketError(
            f"subject has {len(subject)} characters; expected 1..{_SUBJECT_MAX_CHARACTERS}"
        )
    async with connect(arguments.context) as kube:
        return await issue_ticket(
            kube,
            namespace,
            name,
            lifetime_s=lifetime_s,
            permissions=permissions,
            subject=subject,
        )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"  # a container's user id may have no name
