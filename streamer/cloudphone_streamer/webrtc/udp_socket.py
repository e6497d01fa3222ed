"""
One bound UDP socket, without a transport object of asyncio in between.

`media_port` owns it. A send never waits: what the kernel does not take at once is reported.
"""

import errno
import logging
import socket
import struct
from dataclasses import dataclass

from cloudphone_streamer.webrtc.mux import Address

logger = logging.getLogger(__name__)

_UDP_SEGMENT = 103
"""linux/udp.h; absent from the `socket` module."""

_BUFFER_BYTES = 4 * 1024 * 1024
"""Room for a key frame to each of some dozen viewers; the kernel cuts it to its own limit."""

_OFFLOAD_REFUSED = {errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EMSGSIZE}


class UdpSocket:
    """
    A non-blocking socket on all addresses of one family, or on one of them.

    Args:
        family: AF_INET or AF_INET6 (IPv6 only).
        port: Local port.
        host: One address of this machine; empty: all.
        is_shared: Others may have the port too, on other addresses.

    Raises:
        OSError: If the port is taken, the address is not this machine's, or the family is absent.
    """

    def __init__(
        self,
        family: socket.AddressFamily,
        port: int,
        *,
        host: str = "",
        is_shared: bool = False,
    ) -> None:
        self.blocked = 0
        """Sends that the kernel had no room for."""
        self.failed = 0
        """Sends that ended in another error, such as an unreachable network."""
        self._segment_controls: dict[int, list[tuple[int, int, bytes]]] = {}
        self._offload = True
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._socket.setblocking(False)
            self.share(is_shared=is_shared)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._receive = self._socket.recvfrom
        self._send = self._socket.sendto
        self._send_message = self._socket.sendmsg

    def fileno(self) -> int:
        """Descriptor, for the event loop."""
        return self._socket.fileno()

    def share(self, *, is_shared: bool) -> None:
        """Let others that do so too have the port on other addresses, or from now on nobody."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, is_shared)

    def close(self) -> None:
        """Release the port."""
        self._socket.close()

    def receive(self, max_bytes: int) -> tuple[bytes, Address] | None:
        """Take one datagram, or None when there is none."""
        try:
            return self._receive(max_bytes)
        except BlockingIOError:
            return None

    def send(self, datagram: bytes | memoryview, address: Address) -> bool:
        """Send one datagram; False: the kernel has no room now."""
        try:
            self._send(datagram, address)
        except BlockingIOError:
            self.blocked += 1
            return False
        except OSError:
            # Gone as if lost on the way: the viewer's silence ends it, or its NACK mends it.
            self.failed += 1
        return True

    def send_segments(self, datagrams: memoryview, segment_bytes: int, address: Address) -> int:
        """
        Send datagrams that lie in a row, all of one size but for the last.

        One system call with UDP_SEGMENT (Linux 4.18); where the kernel or the interface refuses
        it, one call a datagram from then on.

        Returns:
            Bytes taken; fewer than given when the kernel has no room now.
        """
        if self._offload and len(datagrams) > segment_bytes:
            control = self._segment_controls.get(segment_bytes)
            if control is None:
                control = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("H", segment_bytes))]
                self._segment_controls[segment_bytes] = control
            try:
                self._send_message((datagrams,), control, 0, address)
            except BlockingIOError:
                self.blocked += 1
                return 0
            except OSError as error:
                if error.errno not in _OFFLOAD_REFUSED:
                    self.failed += 1
                    return len(datagrams)
                self._offload = False
                logger.warning("UDP segmentation offload is off: %s", error)
            else:
                return len(datagrams)
        for start in range(0, len(datagrams), segment_bytes):
            if not self.send(datagrams[start : start + segment_bytes], address):
                return start
        return len(datagrams)


@dataclass(frozen=True, slots=True)
class UdpPath:
    """A way to a viewer: which of our sockets, and its address; a `mux.Path`."""

    socket: UdpSocket
    address: Address

    @property
    def key(self) -> Address:
        """An address of another family has another form."""
        return self.address

    def send(self, packet: bytes | memoryview) -> bool:
        """Send one datagram; False: the kernel has no room now."""
        return self.socket.send(packet, self.address)

    def send_segments(self, packets: memoryview, packet_bytes: int) -> int:
        """Send datagrams in a row; returns the bytes taken."""
        return self.socket.send_segments(packets, packet_bytes, self.address)

    def on_validated(self) -> None:
        """Nothing was held for it."""

    def on_released(self) -> None:
        """Nothing is held for it."""
