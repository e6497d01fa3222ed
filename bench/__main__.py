"""The command line: `python -m bench glass|start` (or `make bench NAME=glass`)."""

import argparse
import asyncio
import sys

from bench import glass, start
from dev.demo import environment
from dev.tools.errors import DevError
from dev.tools.progress import Progress

BENCHMARKS = {"glass": glass.measure, "start": start.measure}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS), help="which benchmark to run")
    name = parser.parse_args().name
    progress = Progress()
    try:
        with environment.running_demo(progress) as demo:
            asyncio.run(BENCHMARKS[name](demo, progress))
    except DevError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
