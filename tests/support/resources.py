"""What this process holds: for tests that look for leaks."""

import asyncio
import gc
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def descriptors() -> set[str]:
    """Open file descriptors."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def instances(*kinds: type) -> int:
    """Objects of some classes that something still holds."""
    gc.collect()
    return sum(isinstance(thing, kinds) for thing in gc.get_objects())


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Tasks and descriptors at one moment."""

    tasks: int
    descriptors: int

    @classmethod
    def now(cls) -> "Held":
        """Count them."""
        return cls(tasks=len(asyncio.all_tasks()), descriptors=len(descriptors()))


async def until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
    """
    Wait for what comes by itself.

    Raises:
        TimeoutError: If it has not come.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)
