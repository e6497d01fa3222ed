"""
Packets on a stream: each behind its length in two bytes. Pure.

See RFC 4571 - 2. Defining the Framing Method; RFC 6544 - 3 (ICE over TCP uses it for STUN too).
"""

from collections.abc import Iterator

LENGTH_BYTES = 2

MAX_FRAME_BYTES = 2048
"""As much as a datagram may have on the UDP port: viewers send checks, DTLS and RTCP."""


class FrameTooLong(ValueError):
    """A length above MAX_FRAME_BYTES: what follows cannot be told apart any more."""


class FrameReader:
    """Cuts what a stream brings into packets; holds less than one packet."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """
        Take the next bytes of the stream.

        Returns:
            The packets that are complete now; empty ones are left out.
        Raises:
            FrameTooLong: If a packet is announced that is too long, after those before it.
        """
        rest = self._rest
        rest += data
        start = 0
        try:
            while len(rest) - start >= LENGTH_BYTES:
                length = rest[start] << 8 | rest[start + 1]
                if length > MAX_FRAME_BYTES:
                    raise FrameTooLong(
                        f"a frame of {length} bytes; expected at most {MAX_FRAME_BYTES}"
                    )
                end = start + LENGTH_BYTES + length
                if end > len(rest):
                    break
                packet = bytes(rest[start + LENGTH_BYTES : end])
                start = end
                if packet:
                    yield packet
        finally:
            del rest[:start]


def framed(packets: bytes | memoryview, packet_bytes: int) -> bytearray:
    """
    Put a length in front of each packet.

    Args:
        packets: Packets in a row, all of one size but for the last, which may be shorter.
        packet_bytes: That size; at most 65,535.
    """
    stream = bytearray()
    for start in range(0, len(packets), packet_bytes):
        packet = packets[start : start + packet_bytes]
        stream += len(packet).to_bytes(LENGTH_BYTES, "big")
        stream += packet
    return stream
