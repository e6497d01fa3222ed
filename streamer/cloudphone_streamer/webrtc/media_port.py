"""
One port for all viewers, in UDP and in TCP, IPv4 and IPv6.

`server` owns it; `mux` knows whom a packet is for.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Sequence
from ipaddress import ip_address

from cloudphone_streamer.webrtc.errors import PortBusy
from cloudphone_streamer.webrtc.framing import MAX_FRAME_BYTES
from cloudphone_streamer.webrtc.mux import Mux
from cloudphone_streamer.webrtc.tcp_listener import TcpListener
from cloudphone_streamer.webrtc.udp_socket import UdpPath, UdpSocket

logger = logging.getLogger(__name__)

_MAX_DATAGRAM_BYTES = MAX_FRAME_BYTES
_DATAGRAMS_A_TURN = 64
"""Then other work of the event loop has its turn."""


class MediaPort:
    """
    Owns the sockets of the port.

    Args:
        mux: Takes what comes in.
        addresses: Those that viewers are told; some may be another machine's, which maps them here.
    """

    def __init__(self, mux: Mux, addresses: Sequence[str]) -> None:
        self.number = 0
        """0 before it is open."""
        self._mux = mux
        self._addresses = addresses
        self._udp: list[UdpSocket] = []
        self._tcp: list[TcpListener] = []

    async def open(self, ports: Sequence[int]) -> None:
        """
        Take the first port that is free in UDP and TCP.

        Raises:
            PortBusy: If none is free.
        """
        for port in ports:
            try:
                await self._open(port)
            except OSError as error:
                logger.debug("media port %d: %s", port, error)
                self.close()
                continue
            self.number = port
            return
        named = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
        raise PortBusy(
            f"media port {named} is in use by another process, in UDP or TCP; "
            "end that process, or give this one another port range"
        )

    def close(self) -> None:
        """Release the port."""
        loop = asyncio.get_running_loop()
        for udp_socket in self._udp:
            loop.remove_reader(udp_socket.fileno())
            udp_socket.close()
        for listener in self._tcp:
            listener.close()
        self._udp = []
        self._tcp = []

    @property
    def blocked_sends(self) -> int:
        """Sends that found no room."""
        return sum(udp.blocked for udp in self._udp) + sum(tcp.blocked for tcp in self._tcp)

    @property
    def failed_sends(self) -> int:
        """Sends that ended in another error."""
        return sum(udp_socket.failed for udp_socket in self._udp)

    async def _open(self, port: int) -> None:
        families = [socket.AF_INET, *([socket.AF_INET6] if _has_ipv6() else [])]
        loop = asyncio.get_running_loop()
        for family in families:
            self._udp += self._udp_sockets(family, port)
        for udp_socket in self._udp:
            loop.add_reader(udp_socket.fileno(), self._on_readable, udp_socket)
        for family in families:
            listener = TcpListener(_bound_tcp_socket(family, port), self._mux)
            self._tcp.append(listener)
            await listener.start()

    def _udp_sockets(self, family: socket.AddressFamily, port: int) -> list[UdpSocket]:
        """
        Make a socket for all addresses, and one for each that is told where there are several.

        A reply has to come from where the request was sent to (RFC 8445 - 7.2.5.2.1), and the
        kernel gives a socket of all addresses that of its route. Of two sockets the closer one is
        given what comes in.
        """
        version = 6 if family == socket.AF_INET6 else 4
        addresses = [one for one in self._addresses if ip_address(one).version == version]
        sockets = [UdpSocket(family, port)]
        if len(addresses) > 1:
            sockets[0].share(is_shared=True)
            for address in addresses:
                # An address that is mapped to this machine is none of its own.
                with contextlib.suppress(OSError):
                    sockets.append(UdpSocket(family, port, host=address, is_shared=True))
            for udp_socket in sockets:
                udp_socket.share(is_shared=False)
        return sockets

    def _on_readable(self, udp_socket: UdpSocket) -> None:
        mux = self._mux
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                received = udp_socket.receive(_MAX_DATAGRAM_BYTES)
            except OSError as error:
                logger.debug("receive on UDP port %d: %s", self.number, error)
                return
            if received is None:
                return
            mux.stats.received += 1
            datagram, address = received
            first = datagram[0] if datagram else 255
            try:
                if first <= 3:
                    mux.handle_stun(datagram, UdpPath(udp_socket, address), time.monotonic())
                else:
                    mux.handle_other(datagram, first, address)
            except Exception:
                # The edge to the network: whatever a datagram provokes ends with it.
                mux.stats.endpoint_errors += 1
                logger.exception("a datagram was not handled")


def _bound_tcp_socket(family: socket.AddressFamily, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A predecessor's connections may linger in TIME_WAIT.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104 - candidates may be on any interface
    except OSError:
        bound.close()
        raise
    return bound


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
