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
from dev.tools import command
from dev.tools.debian import ensure_programs, install
from dev.tools.errors import DevError
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

SYSTEM_PYTHON = "/usr/bin/python3"
"""GStreamer's bindings are the distribution's, for the distribution's Python."""

GSTREAMER = (
    "gir1.2-gst-plugins-bad-1.0",
    "gstreamer1.0-libav",
    "gstreamer1.0-nice",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-good",
    "python3-gst-1.0",
)
GSTREAMER_PROBE = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC
Gst.init(None)
for name in "webrtcbin", "nicesrc", "srtpdec", "rtph264depay", "avdec_h264":
    assert Gst.ElementFactory.find(name), name
"""

LIFECYCLE = "tests/integration/cluster_lifecycle"
"""Brings clusters up and down, so it runs while none is there."""


def main() -> int:
    return exit_status(lambda: _test(Progress()))


def _test(progress: Progress) -> int:
    ensure_programs(PACKAGES, progress)
    _ensure_gstreamer(progress)
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


def _ensure_gstreamer(progress: Progress) -> None:
    """Have what a viewer of GStreamer's webrtcbin needs: libraries, which no program tells of."""
    try:
        command.run([SYSTEM_PYTHON, "-c", GSTREAMER_PROBE])
    except DevError:
        install(GSTREAMER, progress)


def _pytest(*arguments: str) -> int:
    argv = [sys.executable, "-m", "pytest", "--durations=15", *arguments]
    # Programs that tests kill leave their temporary files, the cluster's keys among them.
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        environment = {**os.environ, "TMPDIR": folder}
        return subprocess.run(argv, cwd=CHECKOUT, check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
