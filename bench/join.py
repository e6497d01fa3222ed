"""
Joining: viewers that connect one after another, and the memory that they cost.

The same receiver as in `fanout`; pion's time is printed beside, since it is known to be quick.
"""

import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.clip_encoder import ensure_clip
from bench.processes import own_address, python_sender, sender, viewers
from bench.report import summarize, table, write_result
from dev.cluster.golang import programs
from dev.tools.progress import Progress

JOINS = 32
REPETITIONS = 3

_MEMORY_STEPS = (0, 8, 32)
_SETTLE_S = 4.0


async def measure(progress: Progress) -> None:
    """Join viewers to each sender, print the tables and write bench/out/join.json."""
    clip = ensure_clip(progress)
    built = await asyncio.to_thread(programs, ["pion-sender", "viewers"], progress)
    address = own_address()
    arguments: list[str | Path] = ["--clip", clip, "--address", address]
    commands: dict[str, list[str | Path]] = {
        "engine": [*python_sender("engine"), *arguments],
        "pion own tracks": [built["pion-sender"], *arguments, "--tracks", "own"],
        "aiortc": [*python_sender("stock_aiortc"), *arguments],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    first_packets: dict[str, list[float]] = {name: [] for name in commands}
    for repetition in range(1, REPETITIONS + 1):
        for name, command in commands.items():
            async with (
                sender(command) as (_, url),
                viewers(built["viewers"], url=url, address=address, count=JOINS) as receiver,
            ):
                seconds[name].append(receiver.joined.seconds)
                first_packets[name].extend(receiver.joined.first_packet_ms)
            progress(f"{repetition}/{REPETITIONS}: {name}: {seconds[name][-1]:.2f} s")
    memory = await _memory(commands["engine"], built["viewers"], address, progress)
    _report(seconds, first_packets, memory)


async def _memory(
    command: Sequence[str | Path], viewers_program: Path, address: str, progress: Progress
) -> dict[int, int]:
    """Resident bytes of the engine by its number of viewers."""
    memory = {}
    for count in _MEMORY_STEPS:
        async with sender(command) as (process, url):
            if count:
                async with viewers(viewers_program, url=url, address=address, count=count):
                    await asyncio.sleep(_SETTLE_S)
                    memory[count] = process.rss_bytes
            else:
                await asyncio.sleep(_SETTLE_S)
                memory[count] = process.rss_bytes
        progress(f"{memory[count] / 1e6:.1f} MB with {count} viewers")
    return memory


def _report(
    seconds: dict[str, list[float]], first_packets: dict[str, list[float]], memory: dict[int, int]
) -> None:
    packets = {name: summarize(values) for name, values in first_packets.items()}
    rows = [
        (
            name,
            f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})",
            f"{packets[name].p50:.1f}",
            f"{packets[name].p99:.1f}",
        )
        for name, values in seconds.items()
    ]
    print(f"\n{JOINS} viewers join in sequence, {REPETITIONS} repetitions\n")
    header = ("sender", "all connected, s", "offer -> first packet p50 ms", "p99 ms")
    print(table(header, rows))
    least, most = _MEMORY_STEPS[1:]
    further = (memory[most] - memory[least]) / (most - least)
    print("\nMemory of the engine\n")
    print(table(("viewers", "RSS MB"), [(str(n), f"{b / 1e6:.1f}") for n, b in memory.items()]))
    print(f"\n{further / 1e6:.2f} MB for each further viewer\n")
    write_result(
        "join",
        {
            "joinSeconds": seconds,
            "firstPacketMs": first_packets,
            "rssBytes": {str(count): size for count, size in memory.items()},
            "bytesPerFurtherViewer": further,
        },
    )
