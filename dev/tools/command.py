"""Runs other programs and turns their failure into one sentence."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.tools.errors import DevError


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    timeout_s: float = 600,
) -> str:
    """
    Run a program to its end and return what it printed.

    Args:
        argv: program and arguments; no shell is involved.
        stdin: text for its standard input; none when absent.
        environment: variables on top of this process's own.
        directory: working directory.
        timeout_s: how long it may take.
    Returns:
        Its standard output.
    Raises:
        DevError: If it is missing, fails, or takes too long; with its last error lines.
    """
    words = [str(word) for word in argv]
    name = Path(words[0]).name
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(environment or {})},
            cwd=directory,
            timeout=timeout_s,
        )
    except FileNotFoundError as error:
        raise DevError(f"{name} is not installed; install it and try again") from error
    except subprocess.TimeoutExpired as error:
        raise DevError(f"{' '.join(words[:4])} took more than {timeout_s:.0f} s") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise DevError(
            f"{' '.join(words[:4])} failed with status {done.returncode}: " + " / ".join(said[-3:])
        )
    return done.stdout


def find(program: str) -> Path | None:
    """Return a program of PATH or of the system folders, which are not in every user's PATH."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    return Path(found) if found else None
