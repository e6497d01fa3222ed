"""Segments in one system call, and what happens where the kernel does not take them."""

import errno
import socket
from collections.abc import Iterator

import pytest

from cloudphone_streamer.webrtc.udp_socket import UdpSocket

SEGMENT_BYTES = 1000
DATAGRAMS = b"a" * SEGMENT_BYTES + b"b" * SEGMENT_BYTES + b"c" * 10


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(2)
        yield udp


@pytest.fixture
def sender() -> Iterator[UdpSocket]:
    udp = UdpSocket(socket.AF_INET, 0)
    yield udp
    udp.close()


def received(peer: socket.socket, count: int) -> list[bytes]:
    return [peer.recv(2048) for _ in range(count)]


def test_one_call_becomes_datagrams_of_the_segment_size(
    sender: UdpSocket, peer: socket.socket
) -> None:
    taken = sender.send_segments(memoryview(DATAGRAMS), SEGMENT_BYTES, peer.getsockname())
    assert taken == len(DATAGRAMS)
    assert [len(datagram) for datagram in received(peer, 3)] == [1000, 1000, 10]


@pytest.mark.parametrize("refusal", [errno.EIO, errno.EINVAL])
def test_where_offload_is_refused_each_datagram_is_sent_by_itself(
    sender: UdpSocket, peer: socket.socket, refusal: int
) -> None:
    calls: list[int] = []

    def refuse(*_: object) -> int:
        calls.append(1)
        raise OSError(refusal, "refused")

    sender._send_message = refuse
    for _ in range(2):
        sender.send_segments(memoryview(DATAGRAMS), SEGMENT_BYTES, peer.getsockname())
        assert b"".join(received(peer, 3)) == DATAGRAMS
    assert calls == [1]


def test_a_full_kernel_is_told(sender: UdpSocket, peer: socket.socket) -> None:
    def block(*_: object) -> int:
        raise BlockingIOError

    sender._send_message = block
    assert sender.send_segments(memoryview(DATAGRAMS), SEGMENT_BYTES, peer.getsockname()) == 0
    assert sender.blocked == 1


def test_without_offload_a_full_kernel_takes_a_part(
    sender: UdpSocket, peer: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = sender._send
    sends: list[int] = []

    def one_then_block(datagram: memoryview, address: tuple[str, int]) -> int:
        if sends:
            raise BlockingIOError
        sends.append(1)
        return genuine(datagram, address)

    sender._offload = False
    monkeypatch.setattr(sender, "_send", one_then_block)
    taken = sender.send_segments(memoryview(DATAGRAMS), SEGMENT_BYTES, peer.getsockname())
    assert taken == SEGMENT_BYTES


def test_an_unreachable_network_is_counted_and_raises_nothing(sender: UdpSocket) -> None:
    assert sender.send(b"x", ("255.255.255.255", 9))
    assert sender.failed == 1
