"""
An ICE-lite agent for one viewer: answers checks, and knows the path that the viewer chose. Pure.

It sends no checks of its own, so an offer that names addresses inside a cluster makes it probe
nothing. Liveness is the viewer's consent checks (RFC 7675), which every browser sends.

See RFC 8445 - 2.5 and 8.2 (lite), 7.3 (server).
"""

import secrets
import string
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cloudphone_streamer.webrtc.stun import (
    ROLE_CONFLICT,
    MalformedStun,
    RefusedRequest,
    error_response,
    parse_binding_request,
    success_response,
)

CONSENT_TIMEOUT_S = 15.0
"""Browsers check every 2.5 s or so, others every 5 s."""

_STALE_PATH_S = 5.0
"""A chosen path that is silent for so long gives way to one that is not."""

MAX_PATHS = 16
"""Addresses that one viewer may validate; a browser with many interfaces has a few."""

_ICE_CHARACTERS = string.ascii_letters + string.digits + "+/"
_HOST_TYPE_PREFERENCE = 126

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """ICE user fragment and password of one side."""

    user_fragment: str
    password: str = field(repr=False)

    @classmethod
    def generate(cls) -> "Credentials":
        """Random ones: RFC 8445 - 5.3 asks for 24 and 128 bits; these have 72 and 144."""
        return cls(user_fragment=_random(12), password=_random(24))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[P]):
    """What to do after a datagram."""

    response: bytes | None
    validated: P | None = None
    """A path that has just proved to be this viewer's."""
    retired: P | None = None
    """A path that made room for it."""


@dataclass(slots=True)
class _PathState:
    checked_at_s: float


class IceLite(Generic[P]):
    """
    One viewer's agent.

    Args:
        local: Our credentials.
        remote_user_fragment: Of the offer.
        now_s: Monotonic time.

    A path is any hashable value that stands for a socket and a remote address.
    """

    def __init__(self, *, local: Credentials, remote_user_fragment: str, now_s: float) -> None:
        self._local = local
        self._username = f"{local.user_fragment}:{remote_user_fragment}"
        self._paths: dict[P, _PathState] = {}
        self._selected: P | None = None
        self._checked_at_s = now_s

    @property
    def selected(self) -> P | None:
        """The path to send on; None before the first valid check."""
        return self._selected

    @property
    def paths(self) -> tuple[P, ...]:
        """All validated paths."""
        return tuple(self._paths)

    def silent_s(self, now_s: float) -> float:
        """Seconds since the last valid check, or since the begin."""
        return now_s - self._checked_at_s

    def handle(self, datagram: bytes, path: P, source: tuple[str, int], now_s: float) -> Reply[P]:
        """
        Take one binding request.

        Args:
            datagram: The request.
            path: Where it came from.
            source: The same as host and port, which the response tells the viewer.
            now_s: Monotonic time.
        """
        try:
            request = parse_binding_request(
                datagram, username=self._username, password=self._local.password
            )
        except MalformedStun:
            return Reply(response=None)
        if isinstance(request, RefusedRequest):
            return Reply(response=error_response(request.transaction_id, request.error, None))
        if request.peer_is_controlled:
            # A lite agent is always the controlled one (RFC 8445 - 6.1.1); the peer has to switch.
            return Reply(
                response=error_response(request.transaction_id, ROLE_CONFLICT, self._local.password)
            )
        validated, retired = self._confirm(path, now_s)
        # The latest nomination counts: browsers nominate only what they use when the other side is
        # lite, and repeat it there after a change of network. Clients that nominate once, or
        # everything, go on checking what they use: a chosen path without checks gives way.
        if request.is_nomination or self._is_stale(now_s):
            self._selected = path
        return Reply(
            response=success_response(request.transaction_id, source, self._local.password),
            validated=validated,
            retired=retired,
        )

    def forget(self, path: P) -> None:
        """Take back a path that is another viewer's."""
        self._paths.pop(path, None)
        if self._selected == path:
            self._selected = None

    def _confirm(self, path: P, now_s: float) -> tuple[P | None, P | None]:
        self._checked_at_s = now_s
        known = self._paths.get(path)
        if known is not None:
            known.checked_at_s = now_s
            return path, None
        retired = None
        if len(self._paths) >= MAX_PATHS:
            retired = min(
                (other for other in self._paths if other != self._selected),
                key=lambda other: self._paths[other].checked_at_s,
            )
            del self._paths[retired]
        self._paths[path] = _PathState(now_s)
        return path, retired

    def _is_stale(self, now_s: float) -> bool:
        """Whether the viewer no longer checks the path that it chose."""
        state = None if self._selected is None else self._paths.get(self._selected)
        return state is None or now_s - state.checked_at_s > _STALE_PATH_S


def host_candidate(*, address: str, port: int, position: int) -> str:
    """
    Build a host candidate's SDP value (RFC 8839 - 5.1).

    Args:
        address: IP address that viewers reach.
        port: UDP port at that address.
        position: 0 for the address to be preferred.
    """
    # RFC 8445 - 5.1.2.1: type preference, local preference, component 1.
    priority = _HOST_TYPE_PREFERENCE << 24 | (65_535 - position) << 8 | 255
    return f"{position + 1} 1 udp {priority} {address} {port} typ host"


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARACTERS) for _ in range(length))
