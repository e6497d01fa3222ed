"""A machine with several addresses answers from the one that was asked."""

import socket

import pytest

from cloudphone_streamer.webrtc.errors import PortBusy
from cloudphone_streamer.webrtc.media_port import MediaPort
from cloudphone_streamer.webrtc.mux import Mux, Path
from tests.integration.webrtc.test_tcp import request
from tests.integration.webrtc.viewer import wait_until

PORTS = range(50_300, 50_400)
ADDRESSES = ["127.0.0.2", "127.0.0.3", "203.0.113.7"]
"""The last one is not this machine's, as behind NAT."""


class Echo:
    """Answers every check."""

    def handle_stun(self, packet: bytes, path: Path) -> None:
        path.send(b"answer")

    def handle_dtls(self, packet: bytes) -> None: ...

    def handle_srtp(self, packet: bytes) -> None: ...

    def handle_path_lost(self, path: Path) -> None: ...


def received(client: socket.socket) -> bytes:
    try:
        return client.recv(100)
    except BlockingIOError:
        return b""


async def test_answers_come_from_the_address_that_was_asked() -> None:
    mux = Mux()
    mux.register("mine", Echo())
    port = MediaPort(mux, ADDRESSES)
    await port.open(PORTS)
    try:
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                # Connected: the kernel lets nothing in from elsewhere.
                client.connect((address, port.number))
                client.send(request("mine"))
                answers: list[bytes] = []

                def answered(client: socket.socket = client, into: list[bytes] = answers) -> bool:
                    into.append(received(client))
                    return into[-1] == b"answer"

                await wait_until(answered)
    finally:
        port.close()


async def test_the_port_is_nobody_elses_however_many_addresses_it_has() -> None:
    first = MediaPort(Mux(), ADDRESSES)
    await first.open(PORTS)
    try:
        only = [first.number]
        with pytest.raises(PortBusy):
            await MediaPort(Mux(), ADDRESSES).open(only)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.2", first.number))
    finally:
        first.close()
