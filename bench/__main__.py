"""The command line: `python -m bench glass|start` (or `make bench NAME=glass`)."""

import argparse
import asyncio
import sys

from bench import glass, start
from dev.demo import lifecycle, stack
from dev.tools.debian import ensure_programs
from dev.tools.program import exit_status
from dev.tools.progress import Progress

BENCHMARKS = {"glass": glass.measure, "start": start.measure}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS), help="which benchmark to run")
    name = parser.parse_args().name
    return exit_status(lambda: _run(name, Progress()))


def _run(name: str, progress: Progress) -> None:
    ensure_programs({"chromium": "chromium"}, progress)
    with stack.alone(progress), lifecycle.lent(progress) as demo:
        asyncio.run(BENCHMARKS[name](demo, progress))


if __name__ == "__main__":
    sys.exit(main())
