"""A network that loses media packets, below everything that is tested."""

import random

from cloudphone_streamer.webrtc.mux import Address
from cloudphone_streamer.webrtc.udp_socket import UdpSocket


class LossyNetwork:
    """
    Stands in for `UdpSocket.send_segments`.

    Args:
        loss: Part of the datagrams that are lost; 0..1.
    """

    def __init__(self, loss: float) -> None:
        self.lost = 0
        self._loss = loss
        self._random = random.Random(7)

    @property
    def send_segments(self) -> object:
        def send(
            udp_socket: UdpSocket, datagrams: memoryview, segment_bytes: int, address: Address
        ) -> int:
            for start in range(0, len(datagrams), segment_bytes):
                if self._random.random() < self._loss:
                    self.lost += 1
                else:
                    udp_socket.send(datagrams[start : start + segment_bytes], address)
            return len(datagrams)

        return send
