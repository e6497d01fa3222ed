"""Runs the senders and the viewers of the fan-out benchmarks, and reads what the kernel counts."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.tools.errors import DevError

_START_TIMEOUT_S = 20
_END_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Viewers that joined one after another."""

    seconds: float
    """From the first offer until the last viewer was connected."""
    first_packet_ms: tuple[float, ...]
    """From the begin of each join to its first packet."""


class Child:
    """One process that is told by lines and answers by lines."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name

    async def read_line(self, timeout_s: float) -> str:
        """
        Read one line.

        Raises:
            DevError: If the process says nothing in time, or ends.
        """
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), timeout_s)
        except TimeoutError:
            raise DevError(f"{self._name} said nothing for {timeout_s:.0f} s") from None
        if not line:
            raise DevError(f"{self._name} ended; its last lines are above")
        return line.decode().strip()

    def tell(self, line: str) -> None:
        """Write one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    @property
    def cpu_s(self) -> float:
        """CPU time of all its threads, by the kernel's clock of the process."""
        # clock_getcpuclockid(3) makes the clock's number so on Linux.
        return time.clock_gettime(~self._process.pid << 3 | 2)

    @property
    def rss_bytes(self) -> int:
        """Memory that is resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


class Viewers:
    """The process of all viewers."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.joined: Joined

    async def wait_until_joined(self, timeout_s: float) -> None:
        """Wait for the last viewer's first packet."""
        said = json.loads(await self._child.read_line(timeout_s))
        self.joined = Joined(
            seconds=said["joinSeconds"], first_packet_ms=tuple(said["firstPacketMs"])
        )

    def begin(self) -> None:
        """Count from now on."""
        self._child.tell("begin")

    async def end(self) -> dict[str, Any]:
        """Return what was counted."""
        self._child.tell("end")
        counted: dict[str, Any] = json.loads(await self._child.read_line(_END_TIMEOUT_S))
        return counted

    @property
    def cpu_s(self) -> float:
        """CPU time of the receiver."""
        return self._child.cpu_s


@asynccontextmanager
async def running(
    argv: Sequence[str | Path], *, prefix: Sequence[str] = ()
) -> AsyncIterator[Child]:
    """
    Run a program until the block ends; it is told by the end of its standard input.

    Args:
        argv: Program and arguments.
        prefix: What to run it under, such as another network namespace.
    """
    words = [*prefix, *(str(word) for word in argv)]
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Child(process, Path(argv[0]).name)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def sender(argv: Sequence[str | Path]) -> AsyncIterator[tuple[Child, str]]:
    """Run a sender; yields it and its URL for offers."""
    async with running(argv) as child:
        yield child, await child.read_line(_START_TIMEOUT_S)


@asynccontextmanager
async def viewers(program: Path, *, url: str, address: str, count: int) -> AsyncIterator[Viewers]:
    """Join viewers; they are connected and have had their first packet when the block begins."""
    argv: list[str | Path] = [program, "-url", url, "-address", address, "-count", str(count)]
    async with running(argv) as child:
        receiver = Viewers(child)
        await receiver.wait_until_joined(_START_TIMEOUT_S + count)
        yield receiver


def python_sender(module: str) -> list[str]:
    """The command of a sender in `bench.senders`."""
    return [sys.executable, "-m", f"bench.senders.{module}"]


def own_address() -> str:
    """Address that this machine uses to reach others: pion and aiortc gather no loopback."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])
