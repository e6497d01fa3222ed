"""
SRTP protection in place, by libsrtp through pylibsrtp's binding.

`pylibsrtp.Session.protect` copies each packet twice and allocates twice; here a packet is protected
where it lies, in one buffer that all viewers share. The binding is private to pylibsrtp, so its
version is pinned and this module is the only one that knows it.

See RFC 3711, RFC 7714 (AES-GCM).
"""

from array import array
from functools import lru_cache
from itertools import repeat
from typing import Any

import pylibsrtp
from pylibsrtp import _binding

from cloudphone_streamer.rtp.packet import MAX_RUN_PACKETS

_BUFFER_BYTES = 65_536
_MAX_STRIDES = 256
"""Pointers are kept for so many sizes of packets."""


class SrtpError(Exception):
    """A packet was not protected or did not prove genuine."""


class PacketBuffer:
    """Memory in which packets are written, protected and sent from; one a process."""

    def __init__(self) -> None:
        ffi = _binding.ffi
        self.address: Any = ffi.new("char[]", _BUFFER_BYTES)
        self.view = memoryview(ffi.buffer(self.address)).cast("B")
        self._lengths = ffi.new("int[]", MAX_RUN_PACKETS)
        self._length_values = memoryview(ffi.buffer(self._lengths)).cast("B").cast("i")
        self.length_pointers = [self._lengths + position for position in range(MAX_RUN_PACKETS)]
        self._packet_pointers: dict[int, list[Any]] = {}

    def set_lengths(self, count: int, packet_bytes: int, last_packet_bytes: int) -> None:
        """Write the lengths that `length_pointers` point to."""
        values = self._length_values
        values[:count] = _repeated(packet_bytes, count)
        values[count - 1] = last_packet_bytes

    def packet_pointers(self, stride: int) -> list[Any]:
        """Where packets begin that lie so far apart."""
        pointers = self._packet_pointers.get(stride)
        if pointers is None:
            if len(self._packet_pointers) >= _MAX_STRIDES:
                self._packet_pointers.clear()
            count = min(_BUFFER_BYTES // stride, MAX_RUN_PACKETS)
            pointers = [self.address + position * stride for position in range(count)]
            self._packet_pointers[stride] = pointers
        return pointers


@lru_cache(maxsize=_MAX_STRIDES)
def _repeated(size: int, count: int) -> memoryview:
    return memoryview(array("i", [size]) * count)


class SrtpSession:
    """
    Keys of one viewer, both directions.

    Args:
        outbound: Session that protects.
        inbound: Session that proves.
        tag_bytes: Length of the authentication tag of the negotiated profile.
        buffer: Shared memory.
    """

    def __init__(
        self,
        *,
        outbound: pylibsrtp.Session,
        inbound: pylibsrtp.Session,
        tag_bytes: int,
        buffer: PacketBuffer,
    ) -> None:
        self.tag_bytes = tag_bytes
        self._outbound = outbound
        self._inbound = inbound
        self._buffer = buffer
        # The C pointer lives in the Session; both are kept.
        self._handle = outbound._srtp[0]  # noqa: SLF001
        self._protect = _binding.lib.srtp_protect

    def protect(self, count: int, packet_bytes: int, last_packet_bytes: int) -> None:
        """
        Protect RTP packets from the start of the buffer on; each grows by `tag_bytes`.

        Args:
            count: Number of packets, at most MAX_RUN_PACKETS; they lie `packet_bytes + tag_bytes`
                apart.
            packet_bytes: Size of each but the last.
            last_packet_bytes: Size of the last.
        Raises:
            SrtpError: If libsrtp refuses one, such as after 2^48 packets of one key.
        """
        buffer = self._buffer
        buffer.set_lengths(count, packet_bytes, last_packet_bytes)
        pointers = buffer.packet_pointers(packet_bytes + self.tag_bytes)
        # A loop that runs in C, and ends at the first status that is not 0.
        refused = map(self._protect, repeat(self._handle, count), pointers, buffer.length_pointers)
        status = next(filter(None, refused), 0)
        if status:
            raise SrtpError(f"libsrtp refused to protect a packet: status {status}")

    def protect_control(self, packet: bytes) -> bytes:
        """
        Protect one compound RTCP packet.

        Raises:
            SrtpError: If libsrtp refuses it.
        """
        try:
            return self._outbound.protect_rtcp(packet)
        except (pylibsrtp.Error, ValueError) as error:
            raise SrtpError(str(error)) from None

    def unprotect_control(self, packet: bytes) -> bytes:
        """
        Prove one compound SRTCP packet genuine and new, and decrypt it.

        Raises:
            SrtpError: If it is forged, replayed or cut short.
        """
        try:
            return self._inbound.unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError) as error:
            raise SrtpError(str(error)) from None
