"""A narrow link between one client and the media server: a UDP relay with a queue."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Self

_STEP_S = 0.002


class NarrowLink:
    """
    Relays datagrams; towards the client at a limited rate, with a queue that drops its newest.

    Args:
        address: Where it listens, and where the server is.
        server_port: The server's port.
        max_queue_s: Longest time in the queue.
    """

    def __init__(self, address: str, server_port: int, *, max_queue_s: float = 0.3) -> None:
        self.rate_bps: float | None = None
        self.dropped = 0
        self.port = 0
        self._address = address
        self._server = (address, server_port)
        self._max_queue_s = max_queue_s
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[Any, asyncio.DatagramTransport] = {}
        self._queue: deque[tuple[bytes, Any]] = deque()
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        link = self

        class Front(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                link._to_server(data, addr)

        self._front, _ = await loop.create_datagram_endpoint(Front, local_addr=(self._address, 0))
        self.port = self._front.get_extra_info("sockname")[1]
        self._task = asyncio.create_task(self._drain())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        assert self._front is not None
        self._task.cancel()
        for transport in (self._front, *self._backs.values()):
            transport.close()

    def _to_server(self, data: bytes, client: Any) -> None:
        back = self._backs.get(client)
        if back is not None:
            back.sendto(data)
        else:
            asyncio.get_running_loop().create_task(self._open(client, data))

    async def _open(self, client: Any, data: bytes) -> None:
        link = self

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                link._to_client(data, client)

        back, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Back, remote_addr=self._server
        )
        if client in self._backs:
            self._backs[client].sendto(data)
            back.close()
            return
        self._backs[client] = back
        back.sendto(data)

    def _to_client(self, data: bytes, client: Any) -> None:
        assert self._front is not None
        if self.rate_bps is None and not self._queue:
            self._front.sendto(data, client)
        elif self.rate_bps and 8 * self._queued_bytes / self.rate_bps > self._max_queue_s:
            self.dropped += 1
        else:
            self._queue.append((data, client))
            self._queued_bytes += len(data)

    async def _drain(self) -> None:
        assert self._front is not None
        loop = asyncio.get_running_loop()
        credit_bytes = 0.0
        before_s = loop.time()
        while True:
            await asyncio.sleep(_STEP_S)
            now_s = loop.time()
            if self.rate_bps is None:
                credit_bytes = float("inf")
            else:
                credit_bytes = min(credit_bytes, 3000) + self.rate_bps / 8 * (now_s - before_s)
            before_s = now_s
            while self._queue and credit_bytes >= len(self._queue[0][0]):
                data, client = self._queue.popleft()
                credit_bytes -= len(data)
                self._queued_bytes -= len(data)
                self._front.sendto(data, client)
