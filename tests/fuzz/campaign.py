"""
Fuzzing one target for a while, in a process of its own.

The committed corpus is where it begins: messages as real clients, phones and operators send them.
It is not written to.
"""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).with_name("corpus")
CRASHES = ROOT / "test-results" / "fuzz"

_MAX_INPUT_BYTES = 4096
_INPUT_TIMEOUT_S = 5
"""An input that takes so long would stall every viewer."""

_MEMORY_LIMIT_MB = 700
_START_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What came of a campaign.

    Args:
        runs: Inputs tried.
        crash: What went wrong, with the input; empty if nothing did.
    """

    runs: int
    crash: str


def fuzz(name: str, *, seconds: float) -> Outcome:
    """
    Fuzz one target.

    Args:
        name: One of `TARGETS`.
        seconds: For how long, once it has started.
    """
    seeds = CORPUS / name
    CRASHES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as learnt:
        done = _run(
            name,
            f"-max_total_time={seconds:.0f}",
            f"-max_len={_MAX_INPUT_BYTES}",
            f"-timeout={_INPUT_TIMEOUT_S}",
            f"-rss_limit_mb={_MEMORY_LIMIT_MB}",
            f"-artifact_prefix={CRASHES}/{name}-",
            "-print_final_stats=1",
            learnt,
            str(seeds),
            timeout_s=seconds + _START_S,
        )
    found = re.search(r"stat::number_of_executed_units: +(\d+)", done.stderr)
    runs = int(found[1]) if found else 0
    if done.returncode == 0 and runs:
        return Outcome(runs=runs, crash="")
    return Outcome(runs=runs, crash=_describe(name, done.stdout + done.stderr))


def _run(name: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz.process", name, *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
    )


def _describe(name: str, printed: str) -> str:
    """The traceback, and the input as text that can be pasted into a test."""
    lines = [line for line in printed.splitlines() if not line.startswith(("INFO:", "WARNING:"))]
    report = ["\n".join([f"{name}:", *lines[-60:]])]
    for written in re.findall(r"Test unit written to (\S+)", printed):
        content = Path(written).read_bytes()
        report.append(f"input ({len(content)} bytes): {content!r:.4000}")
        report.append(f"reproduce: .venv/bin/python -m tests.fuzz.process {name} {written}")
    return "\n".join(report)
