"""
Whom a packet is for, on a port that all viewers share.

A STUN request is given to the viewer whose ICE user name it carries; everything else to the viewer
that has validated the path it came by. What belongs to nobody is dropped and counted, and costs
little more than the system call that read it. `media_port` feeds it, whatever the transport.

See RFC 7983 (telling protocols apart by the first byte), RFC 8445 - 7.3 (user names).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cloudphone_streamer.webrtc.rate import TokenBucket
from cloudphone_streamer.webrtc.stun import is_binding_response, local_user_fragment

Address = tuple[Any, ...]
"""Remote address as a socket gives it: (host, port) or (host, port, flow, scope)."""

_TAKEOVER_AFTER_S = 5.0
"""A path whose viewer has not confirmed it for so long may be validated by another."""

_CHECKS_BURST = 100
_CHECKS_PER_S = 50
"""Of one viewer from addresses that have proved nothing; a browser sends some 20 a second."""


class Path(Protocol):
    """A way to a viewer; two that are equal are the same way."""

    @property
    def address(self) -> Address:
        """The viewer's end."""

    @property
    def key(self) -> Hashable:
        """What tells its packets from those of other paths."""

    def send(self, packet: bytes | memoryview) -> bool:
        """Send one packet; False: there is no room now."""

    def send_segments(self, packets: memoryview, packet_bytes: int) -> int:
        """Send packets in a row; returns the bytes taken: whole packets."""

    def on_validated(self) -> None:
        """A viewer has proved that it is its own."""

    def on_released(self) -> None:
        """It is no viewer's path any more."""

    def __hash__(self) -> int: ...


class Endpoint(Protocol):
    """A viewer, as the port sees it."""

    def handle_stun(self, packet: bytes, path: Path) -> None:
        """Take a STUN request with this endpoint's user name."""

    def handle_dtls(self, packet: bytes) -> None:
        """Take a DTLS record from a validated path."""

    def handle_srtp(self, packet: bytes) -> None:
        """Take an SRTP or SRTCP packet from a validated path."""

    def handle_path_lost(self, path: Path) -> None:
        """A validated path has ended: a TCP connection that was closed."""


@dataclass(slots=True, kw_only=True)
class MuxStats:
    """Packets since the start."""

    received: int = 0
    unknown_user_fragment: int = 0
    unknown_address: int = 0
    unknown_protocol: int = 0
    rate_limited: int = 0
    """Checks beyond what a viewer's own would be."""
    endpoint_errors: int = 0
    """A defect of ours; the packet is dropped and the log has the details."""

    @property
    def dropped(self) -> int:
        """Those that were given to no viewer."""
        return (
            self.unknown_user_fragment
            + self.unknown_address
            + self.unknown_protocol
            + self.rate_limited
            + self.endpoint_errors
        )


@dataclass(slots=True)
class _Registration:
    endpoint: Endpoint
    checks: TokenBucket


@dataclass(slots=True)
class _Binding:
    endpoint: Endpoint
    confirmed_at_s: float


class Mux:
    """Knows all viewers of the port by user fragment, and by validated path."""

    def __init__(self) -> None:
        self.stats = MuxStats()
        self._by_user_fragment: dict[str, _Registration] = {}
        self._by_path: dict[Hashable, _Binding] = {}

    def register(self, user_fragment: str, endpoint: Endpoint) -> None:
        """Give STUN requests with this local user name to `endpoint`."""
        bucket = TokenBucket(burst=_CHECKS_BURST, per_s=_CHECKS_PER_S)
        self._by_user_fragment[user_fragment] = _Registration(endpoint, bucket)

    def unregister(self, user_fragment: str) -> None:
        """Forget a user name."""
        self._by_user_fragment.pop(user_fragment, None)

    def validate(self, path: Path, endpoint: Endpoint, now_s: float) -> bool:
        """
        Give what comes by this path to `endpoint`.

        Returns:
            False: the path belongs to another viewer that is alive.
        """
        binding = self._by_path.get(path.key)
        if binding is None:
            self._by_path[path.key] = _Binding(endpoint, now_s)
            path.on_validated()
        elif binding.endpoint is endpoint:
            binding.confirmed_at_s = now_s
        elif now_s - binding.confirmed_at_s > _TAKEOVER_AFTER_S:
            self._by_path[path.key] = _Binding(endpoint, now_s)
        else:
            return False
        return True

    def release(self, paths: Sequence[Path], endpoint: Endpoint) -> None:
        """Forget paths of an endpoint."""
        for path in paths:
            binding = self._by_path.get(path.key)
            if binding is not None and binding.endpoint is endpoint:
                del self._by_path[path.key]
                path.on_released()

    def on_path_lost(self, path: Path) -> None:
        """A path has ended by itself; its viewer, if it has one, is told."""
        binding = self._by_path.pop(path.key, None)
        if binding is not None:
            binding.endpoint.handle_path_lost(path)

    def handle_stun(self, packet: bytes, path: Path, now_s: float) -> bool:
        """
        Take a packet whose first byte is 0..3.

        Returns:
            Whether it was for a viewer.
        """
        registration = self._by_user_fragment.get(local_user_fragment(packet) or "")
        is_validated = path.key in self._by_path
        if registration is None:
            if is_validated and is_binding_response(packet):
                # The answer to a check of ours: it says what this very path has proved already.
                return True
            self.stats.unknown_user_fragment += 1
            return False
        if not is_validated and not registration.checks.take(now_s):
            self.stats.rate_limited += 1
            return False
        registration.endpoint.handle_stun(packet, path)
        return True

    def handle_other(self, packet: bytes, first: int, key: Hashable) -> bool:
        """
        Take a packet that is no STUN.

        Args:
            packet: The packet.
            first: Its first byte; 255 where it is empty.
            key: Of the path that it came by.
        Returns:
            Whether it came by a validated path.
        """
        binding = self._by_path.get(key)
        if binding is None:
            self.stats.unknown_address += 1
            return False
        if 20 <= first <= 63:
            binding.endpoint.handle_dtls(packet)
        elif 128 <= first <= 191:
            binding.endpoint.handle_srtp(packet)
        else:
            self.stats.unknown_protocol += 1
        return True
