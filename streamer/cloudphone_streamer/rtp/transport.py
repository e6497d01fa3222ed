"""What a sender needs of the connection below it; `webrtc` implements it with SRTP and a socket."""

from typing import Protocol


class PacketTransport(Protocol):
    """
    Protects and sends packets of one viewer.

    The buffer is shared by all viewers and never kept: a sender fills it and hands it over at once.
    """

    @property
    def buffer(self) -> memoryview:
        """Memory for the packets of one send, room for the trailers included."""

    @property
    def trailer_bytes(self) -> int:
        """What protection adds behind each packet."""

    def send_packets(self, count: int, packet_bytes: int, last_packet_bytes: int) -> int:
        """
        Protect and send packets that lie in `buffer`, each `packet_bytes + trailer_bytes` apart.

        Args:
            count: Number of packets, at least 1.
            packet_bytes: Size of each but the last, without trailer.
            last_packet_bytes: Size of the last; at most `packet_bytes`.
        Returns:
            How many were taken from the front; fewer than `count` where the socket would block.
        """

    def send_control(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet."""
