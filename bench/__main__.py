"""
The command line: `python -m bench NAME` (or `make bench NAME=...`).

    glass, start    the whole product on a cluster, which is brought up where it is not there
    fanout, join    the media engine beside its peers; no cluster
"""

import argparse
import asyncio
import sys
from collections.abc import Callable

from bench import fanout, glass, join, start
from dev.demo import lifecycle, stack
from dev.tools.debian import ensure_programs
from dev.tools.program import exit_status
from dev.tools.progress import Progress

_ON_CLUSTER = {"glass": glass.measure, "start": start.measure}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in _ON_CLUSTER:
        names.add_parser(name)
    names.add_parser("join")
    _add_fanout_options(names.add_parser("fanout"))
    options = parser.parse_args()
    return exit_status(lambda: _work(options)(Progress()))


def _add_fanout_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--viewers",
        type=lambda text: tuple(int(number) for number in text.split(",")),
        default=fanout.VIEWERS,
        help="numbers of viewers, with commas",
    )
    parser.add_argument("--seconds", type=float, default=fanout.SECONDS, help="of each run")
    parser.add_argument("--repetitions", type=int, default=fanout.REPETITIONS)
    parser.add_argument("--senders", nargs="+", choices=fanout.SENDERS, default=fanout.SENDERS)


def _work(options: argparse.Namespace) -> Callable[[Progress], None]:
    if options.name == "fanout":
        plan = fanout.Plan(
            viewers=options.viewers,
            seconds=options.seconds,
            repetitions=options.repetitions,
            senders=options.senders,
        )
        return lambda progress: asyncio.run(fanout.measure(plan, progress))
    if options.name == "join":
        return lambda progress: asyncio.run(join.measure(progress))
    return lambda progress: _measure_on_cluster(options.name, progress)


def _measure_on_cluster(name: str, progress: Progress) -> None:
    ensure_programs({"chromium": "chromium"}, progress)
    with stack.alone(progress), lifecycle.lent(progress) as demo:
        asyncio.run(_ON_CLUSTER[name](demo, progress))


if __name__ == "__main__":
    sys.exit(main())
