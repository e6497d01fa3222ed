"""
Longer fuzzing than the tests do: `python -m tests.fuzz --seconds 300 [TARGET...]`, or `make fuzz`.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz.campaign import fuzz
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once")
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    if unknown := sorted(set(names) - set(TARGETS)):
        parser.error(f"no target {', '.join(unknown)}; expected one of {', '.join(TARGETS)}")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        outcomes = pool.map(lambda name: fuzz(name, seconds=arguments.seconds), names)
        crashes = 0
        for name, outcome in zip(names, outcomes, strict=True):
            crashes += bool(outcome.crash)
            sys.stdout.write(f"{name:18} {outcome.runs:>9} inputs  {outcome.crash or 'no crash'}\n")
            sys.stdout.flush()
    return min(crashes, 1)


if __name__ == "__main__":
    sys.exit(main())
