"""
An ICE-lite agent for one viewer: answers checks, and knows the path that the viewer chose. Pure.

It looks at no candidate of the viewer's, so an offer that names addresses inside a cluster makes it
probe nothing. Liveness is the viewer's consent checks (RFC 7675), which every browser sends.

One thing goes beyond a lite agent: a path that has just proved to be the viewer's is checked once
from here, as a full agent's triggered check would be (RFC 8445 - 7.3.1.4). pion nominates on such
a check at once, and else with its timer, up to 200 ms later. Nothing waits for the answer.

See RFC 8445 - 2.5 and 8.2 (lite), 7.3 (server), 9 (restart).
"""

import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cloudphone_streamer.webrtc.stun import (
    ROLE_CONFLICT,
    MalformedStun,
    RefusedRequest,
    binding_request,
    error_response,
    local_user_fragment,
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
_TCP_TYPE_PREFERENCE = 90
"""RFC 6544 - 4.2: below any UDP."""
_PASSIVE_DIRECTION = 4
_REFLEXIVE_PRIORITY = 110 << 24 | 65_535 << 8 | 255

_USER_FRAGMENT = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")

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


def checked_credentials(user_fragment: str | None, password: str | None) -> Credentials:
    """
    Take a viewer's credentials (RFC 8839 - 5.4).

    Raises:
        ValueError: With the SDP line that is absent or off.
    """
    if not user_fragment or not _USER_FRAGMENT.fullmatch(user_fragment):
        raise ValueError("a=ice-ufrag is absent or not 4..256 ICE characters")
    if not password or not _PASSWORD.fullmatch(password):
        raise ValueError("a=ice-pwd is absent or not 22..256 ICE characters")
    return Credentials(user_fragment=user_fragment, password=password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[P]):
    """What to do after a datagram."""

    response: bytes | None
    own_check: bytes | None = None
    """To be sent behind the response."""
    validated: P | None = None
    """A path that has just proved to be this viewer's."""
    retired: P | None = None
    """A path that made room for it."""
    ended_user_fragment: str | None = None
    """Our user fragment before a restart, which is over with this check."""


@dataclass(slots=True)
class _PathState:
    checked_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """An ICE session: a restart begins another one."""

    local: Credentials
    remote: Credentials

    @property
    def username(self) -> str:
        """Of the viewer's checks."""
        return f"{self.local.user_fragment}:{self.remote.user_fragment}"


class IceLite(Generic[P]):
    """
    One viewer's agent.

    Args:
        local: Our credentials.
        remote: The viewer's, of its offer.
        now_s: Monotonic time.

    A path is any hashable value that stands for a socket and a remote address.
    """

    def __init__(self, *, local: Credentials, remote: Credentials, now_s: float) -> None:
        self._session = _Session(local=local, remote=remote)
        self._next: _Session | None = None
        self._paths: dict[P, _PathState] = {}
        self._selected: P | None = None
        self._is_nominated = False
        self._checked_at_s = now_s
        self._tie_breaker = secrets.randbits(64)

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

    @property
    def remote(self) -> Credentials:
        """The viewer's latest credentials."""
        return (self._next or self._session).remote

    @property
    def user_fragments(self) -> tuple[str, ...]:
        """Ours that checks may come with: two while a restart is under way."""
        sessions = (self._session, self._next)
        return tuple(one.local.user_fragment for one in sessions if one is not None)

    def restart(self, *, local: Credentials, remote: Credentials) -> str | None:
        """
        Expect checks of another ICE session; until the first, all goes on as before.

        Returns:
            Our user fragment of a restart that this one replaces.
        """
        replaced, self._next = self._next, _Session(local=local, remote=remote)
        return None if replaced is None else replaced.local.user_fragment

    def handle(self, datagram: bytes, path: P, source: tuple[str, int], now_s: float) -> Reply[P]:
        """
        Take one binding request.

        Args:
            datagram: The request.
            path: Where it came from.
            source: The same as host and port, which the response tells the viewer.
            now_s: Monotonic time.
        """
        session = self._session
        if self._next and local_user_fragment(datagram) == self._next.local.user_fragment:
            session = self._next
        password = session.local.password
        try:
            request = parse_binding_request(datagram, username=session.username, password=password)
        except MalformedStun:
            return Reply(response=None)
        if isinstance(request, RefusedRequest):
            return Reply(response=error_response(request.transaction_id, request.error, None))
        if request.peer_is_controlled:
            # A lite agent is always the controlled one (RFC 8445 - 6.1.1); the peer has to switch.
            return Reply(response=error_response(request.transaction_id, ROLE_CONFLICT, password))
        ended_user_fragment = None
        if session is self._next:
            # RFC 8445 - 9: the stream stays on the old path until the new session has one.
            ended_user_fragment = self._session.local.user_fragment
            self._session, self._next = session, None
            self._selected = path
            self._is_nominated = False
        is_new = path not in self._paths or ended_user_fragment is not None
        retired = self._confirm(path, now_s)
        # The latest nomination counts: browsers nominate only what they use when the other side is
        # lite, and repeat it there after a change of network. Clients that nominate once, or
        # everything, go on checking what they use: a chosen path without checks gives way.
        if request.is_nomination or self._is_stale(now_s):
            self._selected = path
        self._is_nominated |= request.is_nomination
        return Reply(
            response=success_response(request.transaction_id, source, password),
            own_check=self._own_check() if is_new and not self._is_nominated else None,
            validated=path,
            retired=retired,
            ended_user_fragment=ended_user_fragment,
        )

    def forget(self, path: P) -> None:
        """Take back a path that is another viewer's."""
        self._paths.pop(path, None)
        if self._selected == path:
            self._selected = None

    def _confirm(self, path: P, now_s: float) -> P | None:
        """Note a valid check; returns the path that made room, if any."""
        self._checked_at_s = now_s
        known = self._paths.get(path)
        if known is not None:
            known.checked_at_s = now_s
            return None
        retired = None
        if len(self._paths) >= MAX_PATHS:
            retired = min(
                (other for other in self._paths if other != self._selected),
                key=lambda other: self._paths[other].checked_at_s,
            )
            del self._paths[retired]
        self._paths[path] = _PathState(now_s)
        return retired

    def _own_check(self) -> bytes:
        remote = self._session.remote
        return binding_request(
            username=f"{remote.user_fragment}:{self._session.local.user_fragment}",
            password=remote.password,
            priority=_REFLEXIVE_PRIORITY,
            tie_breaker=self._tie_breaker,
        )

    def _is_stale(self, now_s: float) -> bool:
        """Whether the viewer no longer checks the path that it chose."""
        state = None if self._selected is None else self._paths.get(self._selected)
        return state is None or now_s - state.checked_at_s > _STALE_PATH_S


def candidate_lines(addresses: Sequence[str], port: int) -> list[str]:
    """
    Build the SDP lines of all our candidates: UDP first, then passive TCP on the same port.

    See RFC 8839 - 5.1, RFC 6544 - 4.5; RFC 8445 - 5.1.2.1: a priority is type preference, local
    preference, component 1.

    Args:
        addresses: IP addresses that viewers reach, the preferred first.
        port: Port at each of them.
    """
    lines = []
    for position, address in enumerate(addresses):
        priority = _HOST_TYPE_PREFERENCE << 24 | (65_535 - position) << 8 | 255
        lines.append(f"a=candidate:udp{position} 1 udp {priority} {address} {port} typ host")
    for position, address in enumerate(addresses):
        # RFC 6544 - 4.2: the upper three bits of the local preference are the direction's.
        local = _PASSIVE_DIRECTION << 13 | 8191 - position
        priority = _TCP_TYPE_PREFERENCE << 24 | local << 8 | 255
        lines.append(
            f"a=candidate:tcp{position} 1 tcp {priority} {address} {port} typ host tcptype passive"
        )
    return lines


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARACTERS) for _ in range(length))
