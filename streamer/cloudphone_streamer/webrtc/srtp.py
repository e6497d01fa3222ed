"""
SRTP protection in place, by libsrtp through pylibsrtp's binding.

`pylibsrtp.Session.protect` copies each packet twice and allocates twice; here a packet is protected
where it lies, in one buffer that all viewers share. The binding is private to pylibsrtp, so its
version is pinned and this module is the only one that knows it.

See RFC 3711, RFC 7714 (AES-GCM).
"""

from typing import Any

import pylibsrtp
from pylibsrtp import _binding

_BUFFER_BYTES = 65_536


class SrtpError(Exception):
    """A packet was not protected or did not prove genuine."""


class PacketBuffer:
    """Memory in which packets are written, protected and sent from; one a process."""

    def __init__(self) -> None:
        self.address: Any = _binding.ffi.new("char[]", _BUFFER_BYTES)
        self.view = memoryview(_binding.ffi.buffer(self.address)).cast("B")


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
        self._length = _binding.ffi.new("int *")
        # The C pointer lives in the Session; both are kept.
        self._handle = outbound._srtp[0]  # noqa: SLF001
        self._protect = _binding.lib.srtp_protect

    def protect(self, offset: int, size: int) -> None:
        """
        Protect the RTP packet at `offset` of the buffer; it grows by `tag_bytes`.

        Raises:
            SrtpError: If libsrtp refuses it, such as after 2^48 packets of one key.
        """
        length = self._length
        length[0] = size
        status = self._protect(self._handle, self._buffer.address + offset, length)
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
