"""
All tests on a cluster that is there only for them: `python -m dev.test` (or `make test`).

A cluster that is up already, as the demo's, is used and left up.
"""

import subprocess
import sys

from dev import cluster
from dev.cluster import DevError, Progress
from dev.demo import stack
from dev.tools.debian import ensure_programs
from dev.tools.paths import CHECKOUT

PACKAGES = {"chromium": "chromium", "node": "nodejs", "npm": "npm"}
"""Program -> Debian package, for what the tests drive."""


def main() -> int:
    progress = Progress()
    try:
        ensure_programs(PACKAGES, progress)
        was_up = _is_up()
        try:
            stack.install(progress)
            return _pytest()
        finally:
            if not was_up:
                cluster.down(progress)
    except DevError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _is_up() -> bool:
    try:
        cluster.handle()
    except DevError:
        return False
    return True


def _pytest() -> int:
    # Coverage of every folder in one run: its last line tells how many tests passed.
    command = [sys.executable, "-m", "pytest", "--durations=15", "tests"]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
