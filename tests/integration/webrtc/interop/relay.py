"""
A UDP network between a viewer and the server that loses and delays what passes.

It stands where a router would: below clients that cannot be told to lose packets, and without any
right on this machine. Both directions suffer, so checks, handshakes and feedback do too.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """
    What a network does to packets.

    Args:
        loss: Part of the packets that is lost, each by itself; 0..1.
        jitter_s: Each is late by up to so much; so packets overtake each other.
    """

    loss: float = 0.0
    jitter_s: float = 0.0


class Relay:
    """
    Relays from its own port to the server's; each client has a port of its own towards the server.

    Args:
        address: Where it listens, and where the server is.
        server_port: The server's port.
        network: What it does to packets.
    """

    def __init__(self, address: str, server_port: int, network: Network) -> None:
        self.port = 0
        self.lost = 0
        self.passed = 0
        self._address = address
        self._server = (address, server_port)
        self._network = network
        self._random = random.Random(11)
        self._outside: asyncio.DatagramTransport | None = None
        self._inside: dict[Address, asyncio.DatagramTransport | None] = {}
        self._opening: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._outside, _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(self._from_client), (self._address, 0)
        )
        self.port = self._outside.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in (self._outside, *self._inside.values()):
            if transport is not None:
                transport.close()

    def _from_client(self, datagram: bytes, client: Address) -> None:
        if client not in self._inside:
            # The first packet is a check, which its client repeats.
            self._inside[client] = None
            task = asyncio.create_task(self._open(client))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._pass(self._inside[client], datagram, None)

    async def _open(self, client: Address) -> None:
        loop = asyncio.get_running_loop()
        self._inside[client], _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(lambda datagram, _: self._pass(self._outside, datagram, client)),
            remote_addr=self._server,
        )

    def _pass(
        self, to: asyncio.DatagramTransport | None, datagram: bytes, address: Address | None
    ) -> None:
        if to is None or self._random.random() < self._network.loss:
            self.lost += 1
            return
        self.passed += 1
        if not self._network.jitter_s:
            to.sendto(datagram, address)
            return
        delay_s = self._random.uniform(0, self._network.jitter_s)
        asyncio.get_running_loop().call_later(delay_s, _send, to, datagram, address)


def _send(to: asyncio.DatagramTransport, datagram: bytes, address: Address | None) -> None:
    if not to.is_closing():
        to.sendto(datagram, address)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)
