"""
Fan-out of one 60 fps source to many viewers: this engine beside stock aiortc and pion.

Every sender plays the same clip and puts the time into each picture when it reads it; the same
receiver, on the same CPUs, takes the delay to the last packet of each whole picture. All that a
sender turns on by itself is on. Repetitions are interleaved, so that a disturbance of the machine
meets all of them.
"""

import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.clip_encoder import ensure_clip
from bench.processes import Child, Viewers, own_address, python_sender, sender, viewers
from bench.report import table, write_result
from dev.cluster.golang import programs
from dev.tools.errors import DevError
from dev.tools.progress import Progress

ENGINE = "engine"
PION_OWN = "pion own tracks"
PION_SHARED = "pion shared track"
AIORTC = "aiortc"
SENDERS = (ENGINE, PION_OWN, PION_SHARED, AIORTC)

VIEWERS = (1, 8, 32, 100)
SECONDS = 15.0
REPETITIONS = 3

_WARM_UP_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    viewers: Sequence[int] = VIEWERS
    seconds: float = SECONDS
    repetitions: int = REPETITIONS
    senders: Sequence[str] = SENDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One sender with one number of viewers."""

    sender: str
    viewers: int
    packets_per_s: float
    """Of one viewer."""
    frames_per_s: float
    """Of the viewer that got the fewest."""
    cpu_us: float
    """Of the sender, a packet and viewer."""
    sender_cpu_percent: float
    receiver_cpu_percent: float
    delay_p50_ms: float
    delay_p99_ms: float
    last_delay_p99_ms: float
    """Of the viewer that got each picture last."""
    rss_bytes: int
    lost_packets: int
    broken_pictures: int
    join_s: float


async def measure(plan: Plan, progress: Progress) -> None:
    """Run the plan, print the table and write bench/out/fanout.json."""
    clip = ensure_clip(progress)
    built = await asyncio.to_thread(programs, ["pion-sender", "viewers"], progress)
    address = own_address()
    arguments: list[str | Path] = ["--clip", clip, "--address", address]
    commands: dict[str, list[str | Path]] = {
        ENGINE: [*python_sender("engine"), *arguments],
        PION_OWN: [built["pion-sender"], *arguments, "--tracks", "own"],
        PION_SHARED: [built["pion-sender"], *arguments, "--tracks", "shared"],
        AIORTC: [*python_sender("stock_aiortc"), *arguments],
    }
    runs: list[Run] = []
    for repetition in range(1, plan.repetitions + 1):
        for count in plan.viewers:
            for name in plan.senders:
                where = f"{repetition}/{plan.repetitions}: {name}, {count} viewers"
                try:
                    async with (
                        sender(commands[name]) as (process, url),
                        viewers(
                            built["viewers"], url=url, address=address, count=count
                        ) as receiver,
                    ):
                        run = await _observe(name, process, receiver, plan.seconds)
                except DevError as error:
                    # A peer may not hold so many; that is a result as well.
                    progress(f"{where}: {error}")
                    continue
                runs.append(run)
                progress(
                    f"{where}: {run.cpu_us:.1f} us a packet and viewer, "
                    f"p99 {run.delay_p99_ms:.1f} ms, {run.frames_per_s:.1f} fps"
                )
    _report(plan, runs)


async def _observe(name: str, process: Child, receiver: Viewers, seconds: float) -> Run:
    await asyncio.sleep(_WARM_UP_S)
    receiver.begin()
    sender_cpu_s, receiver_cpu_s = process.cpu_s, receiver.cpu_s
    await asyncio.sleep(seconds)
    sender_cpu_s = process.cpu_s - sender_cpu_s
    receiver_cpu_s = receiver.cpu_s - receiver_cpu_s
    counted = await receiver.end()
    if not counted["packets"]:
        raise DevError("no packet arrived")
    took_s = counted["seconds"]
    count = len(receiver.joined.first_packet_ms)
    return Run(
        sender=name,
        viewers=count,
        packets_per_s=counted["packets"] / count / took_s,
        frames_per_s=counted["leastPictures"] / took_s,
        cpu_us=sender_cpu_s / counted["packets"] * 1e6,
        sender_cpu_percent=sender_cpu_s / took_s * 100,
        receiver_cpu_percent=receiver_cpu_s / took_s * 100,
        delay_p50_ms=counted["delayP50Ms"],
        delay_p99_ms=counted["delayP99Ms"],
        last_delay_p99_ms=counted["lastDelayP99Ms"],
        rss_bytes=process.rss_bytes,
        lost_packets=counted["lostPackets"],
        broken_pictures=counted["brokenPictures"],
        join_s=receiver.joined.seconds,
    )


def _report(plan: Plan, runs: Sequence[Run]) -> None:
    columns: dict[str, Callable[[Run], str | float]] = {
        "pkt/s": lambda run: run.packets_per_s,
        "fps": lambda run: run.frames_per_s,
        "CPU us": lambda run: run.cpu_us,
        "sender CPU %": lambda run: run.sender_cpu_percent,
        "receiver CPU %": lambda run: run.receiver_cpu_percent,
        "p50 ms": lambda run: run.delay_p50_ms,
        "p99 ms": lambda run: run.delay_p99_ms,
        "p99 last ms": lambda run: run.last_delay_p99_ms,
        "RSS MB": lambda run: run.rss_bytes / 1e6,
        "lost": lambda run: run.lost_packets,
        "joins s": lambda run: run.join_s,
    }
    rows = []
    for count in plan.viewers:
        for name in plan.senders:
            own = [run for run in runs if run.sender == name and run.viewers == count]
            cells = [_spread([float(value(run)) for run in own]) for value in columns.values()]
            rows.append((str(count), name, *cells))
    print(
        f"\nFan-out, 720x1280 at 60 fps and 8 Mbps, {plan.seconds:.0f} s,"
        f" {plan.repetitions} repetitions: median (min-max).\n"
        "CPU us: CPU time of the sender a packet and viewer."
        " p50, p99: picture read by the sender -> its last packet read by a viewer.\n"
    )
    print(table(("N", "sender", *columns), rows))
    print()
    write_result("fanout", {"plan": asdict(plan), "runs": [asdict(run) for run in runs]})


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    digits = 0 if min(values) >= 30 or max(values) == 0 else 1 if max(values) >= 1 else 2
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"
