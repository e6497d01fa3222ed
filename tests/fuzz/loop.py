"""One event loop for all inputs of a process: making one costs more than most parsers."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def in_loop(run: Callable[[], Awaitable[None]]) -> None:
    """
    Run to the end on the event loop.

    Raises:
        AssertionError: If a task or callback that it left behind has failed.
    """
    failures: list[dict[str, Any]] = []
    loop = _loop()
    loop.set_exception_handler(lambda _, context: failures.append(context))

    async def main() -> None:
        await run()

    loop.run_until_complete(main())
    for failure in failures:
        raise AssertionError(failure["message"]) from failure.get("exception")


def call_in_loop(run: Callable[[], None]) -> None:
    """Call something that needs a running loop."""

    async def main() -> None:
        run()

    in_loop(main)
