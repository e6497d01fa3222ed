"""
All tests on a cluster that is there only for them: `python -m dev.test` (or `make test`).

A cluster that is up already, as the demo's, is used and left up.
"""

import os
import subprocess
import sys
import tempfile

from dev import cluster
from dev.demo import stack
from dev.tools.debian import ensure_programs
from dev.tools.paths import CHECKOUT
from dev.tools.program import exit_status
from dev.tools.progress import Progress

PACKAGES = {
    "chromium": "chromium",
    "firefox-esr": "firefox-esr",
    "node": "nodejs",
    "npm": "npm",
}
"""Program -> Debian package, for what the tests drive."""

LIFECYCLE = "tests/integration/cluster_lifecycle"
"""Brings clusters up and down, so it runs while none is there."""


def main() -> int:
    return exit_status(lambda: _test(Progress()))


def _test(progress: Progress) -> int:
    ensure_programs(PACKAGES, progress)
    with stack.alone(progress):
        if cluster.is_up():
            progress(f"a cluster is up and stays up; {LIFECYCLE} is left out")
            stack.install(progress)
            return _pytest("tests", f"--ignore={LIFECYCLE}")
        failed = _pytest(LIFECYCLE)
        try:
            stack.install(progress)
            return _pytest("tests", f"--ignore={LIFECYCLE}") or failed
        finally:
            stack.remove(progress)


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "--durations=15", *arguments]
    # Programs that tests kill leave their temporary files, the cluster's keys among them.
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        environment = {**os.environ, "TMPDIR": folder}
        return subprocess.run(command, cwd=CHECKOUT, check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
