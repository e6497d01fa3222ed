"""
The media port in TCP, for networks that let no UDP pass: passive ICE-TCP.

A viewer connects, and proves by a check that it is one; the connection is then one of its paths.
`media_port` owns the listener. Nothing here waits: what does not fit is refused, and the sender
above continues at the next key frame.

See RFC 6544 - 4.5 (passive candidates), 7.2; RFC 4571 (framing).
"""

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Hashable
from typing import cast

from cloudphone_streamer.webrtc.framing import FrameReader, FrameTooLong, framed
from cloudphone_streamer.webrtc.mux import Address, Mux

logger = logging.getLogger(__name__)

VALIDATE_WITHIN_S = 5.0
"""For the first valid check of a connection."""

MAX_UNPROVED = 64
MAX_UNPROVED_BY_ADDRESS = 8
"""
Connections that have proved nothing, of all and of one address.

Those of viewers count no more: many people may share one address, behind a proxy or NAT.
"""

_READ_BYTES = 16 * 1024
"""What one connection may bring before others have their turn."""

_MAX_UNSENT_BYTES = 64 * 1024
"""
Media waits here no longer than this takes: about one key frame.

Twice: once in the kernel (TCP_NOTSENT_LOWAT; its own limit would be megabytes, that is seconds),
once in this process. What comes on top is refused.
"""

_TCP_NOTSENT_LOWAT = 25
"""linux/tcp.h; absent from the `socket` module."""

_CLOSE_WITHIN_S = 1.0


class TcpListener:
    """
    Accepts connections on one address family.

    Args:
        bound: A bound socket, not listening yet; it is taken over.
        mux: Takes the packets.
    """

    def __init__(self, bound: socket.socket, mux: Mux) -> None:
        self.mux = mux
        self.blocked = 0
        """Sends that found no room."""
        self.read_buffer = memoryview(bytearray(_READ_BYTES))
        """Shared: what is read is handled before another connection reads."""
        self._bound = bound
        self._server: asyncio.Server | None = None
        self._connections: set[TcpPath] = set()
        self._unproved: Counter[Hashable] = Counter()

    async def start(self) -> None:
        """
        Accept connections.

        Raises:
            OSError: If another socket listens on the port.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: TcpPath(self), sock=self._bound)

    def close(self) -> None:
        """Accept no more, and end all connections."""
        if self._server is not None:
            self._server.close()
        self._bound.close()
        for connection in list(self._connections):
            connection.abort()

    def admit(self, connection: "TcpPath", host: str) -> bool:
        """Count a new connection; False: there are too many that have proved nothing."""
        if (
            self._unproved.total() >= MAX_UNPROVED
            or self._unproved[host] >= MAX_UNPROVED_BY_ADDRESS
        ):
            return False
        self._unproved[host] += 1
        self._connections.add(connection)
        return True

    def proved(self, host: str) -> None:
        """A connection has become a viewer's, or has ended before."""
        self._unproved[host] -= 1
        if not self._unproved[host]:
            del self._unproved[host]

    def forget(self, connection: "TcpPath") -> None:
        """A connection has ended."""
        self._connections.discard(connection)


class TcpPath(asyncio.BufferedProtocol):
    """
    One connection, and as soon as a valid check came by it, a path to its viewer.

    Args:
        listener: Where it came in.
    """

    def __init__(self, listener: TcpListener) -> None:
        self.address: Address = ("", 0)
        self._listener = listener
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_proved = False

    # As `mux.Path`.

    @property
    def key(self) -> Hashable:
        """The connection itself: it stays one viewer's."""
        return self

    def send(self, packet: bytes | memoryview) -> bool:
        """Send one packet; it may take more room than media, which thus never locks it out."""
        return self._write(packet, len(packet), 2 * _MAX_UNSENT_BYTES)

    def send_segments(self, packets: memoryview, packet_bytes: int) -> int:
        """Send packets in a row, all or none."""
        return len(packets) if self._write(packets, packet_bytes, _MAX_UNSENT_BYTES) else 0

    def on_validated(self) -> None:
        """Count no more among those that have proved nothing."""
        if not self._is_proved:
            self._is_proved = True
            self._listener.proved(self.address[0])
            if self._deadline is not None:
                self._deadline.cancel()

    def on_released(self) -> None:
        """Close: what was written goes out, if the viewer takes it soon."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_CLOSE_WITHIN_S, self.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # As asyncio's protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted."""
        self._transport = cast("asyncio.Transport", transport)
        # None where it has ended already.
        self.address = transport.get_extra_info("peername") or ("", 0)
        if not self._listener.admit(self, self.address[0]):
            self._is_proved = True
            self.abort()
            return
        # TCP_NODELAY is asyncio's default.
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _MAX_UNSENT_BYTES)
        self._deadline = asyncio.get_running_loop().call_later(VALIDATE_WITHIN_S, self.abort)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - as asyncio calls it
        """Where to read to."""
        return self._listener.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in."""
        try:
            for packet in self._frames.feed(self._listener.read_buffer[:nbytes]):
                if not self._handle(packet):
                    self.abort()
                    return
        except FrameTooLong as error:
            logger.debug("connection to TCP media port: %s", error)
            self.abort()
        except Exception:
            # The edge to the network: whatever a packet provokes ends with its connection.
            self._listener.mux.stats.endpoint_errors += 1
            logger.exception("a packet was not handled")
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The connection has ended, whoever ended it."""
        if not self._is_proved:
            self.on_validated()
        self._listener.forget(self)
        self._listener.mux.on_path_lost(self)

    def _handle(self, packet: bytes) -> bool:
        """Take one packet; False: this is no viewer."""
        mux = self._listener.mux
        mux.stats.received += 1
        first = packet[0]
        if first <= 3:
            return mux.handle_stun(packet, self, time.monotonic()) or self._is_proved
        return mux.handle_other(packet, first, self.key)

    def _write(self, packets: bytes | memoryview, packet_bytes: int, limit_bytes: int) -> bool:
        transport = self._transport
        if transport is None or transport.is_closing():
            return True
        if transport.get_write_buffer_size() >= limit_bytes:
            self._listener.blocked += 1
            return False
        transport.write(framed(packets, packet_bytes))
        return True
