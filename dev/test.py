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


LIFECYCLE = "tests/integration/cluster_lifecycle"
"""Brings clusters up and down, so it runs while none is there."""


def main() -> int:
    progress = Progress()
    try:
        ensure_programs(PACKAGES, progress)
        if _is_up():
            progress(f"a cluster is up and stays up; {LIFECYCLE} is left out")
            stack.install(progress)
            return _pytest("tests", f"--ignore={LIFECYCLE}")
        failed = _pytest(LIFECYCLE)
        try:
            stack.install(progress)
            return _pytest("tests", f"--ignore={LIFECYCLE}") or failed
        finally:
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


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "--durations=15", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
