"""`init`: the container's entry point."""

import asyncio
import sys

from dev.phone import init


def main(arguments: list[str]) -> int:
    try:
        state = init.boot_state(arguments)
    except ValueError as error:
        print(f"init: {error}", file=sys.stderr)
        return 2
    return asyncio.run(init.run(state))
