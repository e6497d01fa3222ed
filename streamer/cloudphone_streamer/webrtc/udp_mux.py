"""
One UDP port for all viewers.

A STUN request is given to the viewer whose ICE user name it carries; everything else to the viewer
that has validated the remote address. What belongs to nobody is dropped and counted, and costs
little more than the system call that read it.

See RFC 7983 (telling protocols apart by the first byte), RFC 8445 - 7.3 (user names).
"""

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cloudphone_streamer.webrtc.errors import PortBusy
from cloudphone_streamer.webrtc.stun import local_user_fragment
from cloudphone_streamer.webrtc.udp_socket import Address, UdpSocket

logger = logging.getLogger(__name__)

_MAX_DATAGRAM_BYTES = 2048
_DATAGRAMS_A_TURN = 64
"""Then other work of the event loop has its turn."""

_TAKEOVER_AFTER_S = 5.0
"""An address whose viewer has not confirmed it for so long may be validated by another."""


class Endpoint(Protocol):
    """A viewer, as the port sees it."""

    def handle_stun(self, datagram: bytes, path: "Path") -> None:
        """Take a STUN message with this endpoint's user name."""

    def handle_dtls(self, datagram: bytes) -> None:
        """Take a DTLS record from a validated address."""

    def handle_srtp(self, datagram: bytes) -> None:
        """Take an SRTP or SRTCP packet from a validated address."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way to a viewer: which of our sockets, and its address."""

    socket: UdpSocket
    address: Address

    def send(self, datagram: bytes | memoryview) -> bool:
        """Send one datagram; False: the kernel has no room now."""
        return self.socket.send(datagram, self.address)

    def send_segments(self, datagrams: memoryview, segment_bytes: int) -> int:
        """Send datagrams in a row; returns the bytes taken."""
        return self.socket.send_segments(datagrams, segment_bytes, self.address)


@dataclass(slots=True, kw_only=True)
class MuxStats:
    """Datagrams since the start."""

    received: int = 0
    unknown_user_fragment: int = 0
    unknown_address: int = 0
    unknown_protocol: int = 0
    endpoint_errors: int = 0
    """A defect of ours; the datagram is dropped and the log has the details."""


@dataclass(slots=True)
class _Binding:
    endpoint: Endpoint
    confirmed_at_s: float


class UdpMux:
    """Owns the sockets of the port: IPv4, and IPv6 where the machine has it."""

    def __init__(self) -> None:
        self.stats = MuxStats()
        self.port = 0
        self._sockets: list[UdpSocket] = []
        self._by_user_fragment: dict[str, Endpoint] = {}
        self._by_address: dict[Address, _Binding] = {}

    def bind(self, ports: Sequence[int]) -> None:
        """
        Take the first free port; to be called within the event loop.

        Raises:
            PortBusy: If none is free.
        """
        for port in ports:
            try:
                self._sockets = _bind_all(port)
            except OSError as error:
                logger.debug("UDP port %d: %s", port, error)
                continue
            self.port = port
            loop = asyncio.get_running_loop()
            for udp_socket in self._sockets:
                loop.add_reader(udp_socket.fileno(), self._on_readable, udp_socket)
            return
        named = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
        raise PortBusy(
            f"UDP port {named} is in use by another process; "
            "end that process, or give this one another port range"
        )

    def close(self) -> None:
        """Release the port."""
        loop = asyncio.get_running_loop()
        for udp_socket in self._sockets:
            loop.remove_reader(udp_socket.fileno())
            udp_socket.close()
        self._sockets = []

    @property
    def blocked_sends(self) -> int:
        """Sends that the kernel had no room for."""
        return sum(udp_socket.blocked for udp_socket in self._sockets)

    @property
    def failed_sends(self) -> int:
        """Sends that ended in another error."""
        return sum(udp_socket.failed for udp_socket in self._sockets)

    def register(self, user_fragment: str, endpoint: Endpoint) -> None:
        """Give STUN requests with this local user name to `endpoint`."""
        self._by_user_fragment[user_fragment] = endpoint

    def validate(self, path: Path, endpoint: Endpoint, now_s: float) -> bool:
        """
        Give what comes from this address to `endpoint`.

        Returns:
            False: the address belongs to another viewer that is alive.
        """
        binding = self._by_address.get(path.address)
        if binding is None:
            self._by_address[path.address] = _Binding(endpoint, now_s)
        elif binding.endpoint is endpoint:
            binding.confirmed_at_s = now_s
        elif now_s - binding.confirmed_at_s > _TAKEOVER_AFTER_S:
            self._by_address[path.address] = _Binding(endpoint, now_s)
        else:
            return False
        return True

    def unregister(self, user_fragment: str, endpoint: Endpoint, paths: Sequence[Path]) -> None:
        """Forget an endpoint and its addresses."""
        self._by_user_fragment.pop(user_fragment, None)
        for path in paths:
            self.invalidate(path, endpoint)

    def invalidate(self, path: Path, endpoint: Endpoint) -> None:
        """Forget one address of an endpoint."""
        binding = self._by_address.get(path.address)
        if binding is not None and binding.endpoint is endpoint:
            del self._by_address[path.address]

    def _on_readable(self, udp_socket: UdpSocket) -> None:
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                received = udp_socket.receive(_MAX_DATAGRAM_BYTES)
            except OSError as error:
                logger.debug("receive on UDP port %d: %s", self.port, error)
                return
            if received is None:
                return
            self.stats.received += 1
            try:
                self._dispatch(udp_socket, *received)
            except Exception:
                # The edge to the network: whatever a datagram provokes ends with it.
                self.stats.endpoint_errors += 1
                logger.exception("a datagram was not handled")

    def _dispatch(self, udp_socket: UdpSocket, datagram: bytes, address: Address) -> None:
        first = datagram[0] if datagram else 255
        if first <= 3:
            endpoint = self._by_user_fragment.get(local_user_fragment(datagram) or "")
            if endpoint is None:
                self.stats.unknown_user_fragment += 1
            else:
                endpoint.handle_stun(datagram, Path(udp_socket, address))
            return
        binding = self._by_address.get(address)
        if binding is None:
            self.stats.unknown_address += 1
        elif 20 <= first <= 63:
            binding.endpoint.handle_dtls(datagram)
        elif 128 <= first <= 191:
            binding.endpoint.handle_srtp(datagram)
        else:
            self.stats.unknown_protocol += 1


def _bind_all(port: int) -> list[UdpSocket]:
    """IPv4 and, where there is any, IPv6."""
    sockets = [UdpSocket(socket.AF_INET, port)]
    if _has_ipv6():
        try:
            sockets.append(UdpSocket(socket.AF_INET6, port))
        except OSError:
            sockets[0].close()
            raise
    return sockets


def _has_ipv6() -> bool:
    """Whether this network namespace has IPv6 at all: containers often have it switched off."""
    try:
        probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        return False
    with probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True
