"""
Makes `.venv`, with the exact dependencies of requirements/dev.txt: `python3 dev/setup_venv.py`.

Runs on the system's Python with the standard library only, since nothing else is there yet. Does
nothing when the environment already fits the requirements.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = CHECKOUT / "requirements"
OLDEST_PYTHON = (3, 11)

# What was installed, as a hash of what it was installed from.
DEPENDENCIES = VENV / "dependencies.sha256"
PROJECT = VENV / "project.sha256"


class SetupError(Exception):
    """The environment cannot be made; the text says what to do."""


def main() -> int:
    try:
        # Two commands at once: the second waits, and finds the work done.
        with (CHECKOUT / "dev" / "setup_venv.py").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(time.monotonic(), "waiting for another command that makes .venv")
                fcntl.flock(lock, fcntl.LOCK_EX)
            make()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def make() -> None:
    """
    Install what is missing; the project's own settings change without a new environment.

    Raises:
        SetupError: If Python is too old, lacks venv, or a step fails.
    """
    dependencies = digest(REQUIREMENTS / "uv.txt", REQUIREMENTS / "dev.txt")
    project = digest(CHECKOUT / "pyproject.toml")
    started_s = time.monotonic()
    # Its python is a link to the system's, which may be gone.
    if not PYTHON.exists() or not is_stamped(DEPENDENCIES, dependencies):
        install_dependencies(started_s)
        DEPENDENCIES.write_text(dependencies, encoding="utf-8")
    if not is_stamped(PROJECT, project):
        say(started_s, "installing this project")
        run(*uv(), "--no-deps", "--no-build-isolation", "-e", ".")
        PROJECT.write_text(project, encoding="utf-8")
        say(started_s, ".venv is ready")


def install_dependencies(started_s: float) -> None:
    """Make the environment anew, so that nothing stays of an older one."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"python3 is {found}; expected 3.11 or newer")
    ensure_venv_module(started_s)
    say(started_s, "making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(VENV))
    say(started_s, "installing uv")
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt"))
    say(started_s, "installing the dependencies (requirements/dev.txt)")
    run(*uv(), "--require-hashes", "-r", str(REQUIREMENTS / "dev.txt"))


def uv() -> tuple[str, ...]:
    return (str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON))


def ensure_venv_module(started_s: float) -> None:
    """
    Have `ensurepip`, which Debian packages apart; as root on such a machine it is installed.

    Raises:
        SetupError: If it cannot be had.
    """
    if importlib.util.find_spec("ensurepip"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(started_s, "installing python3-venv")
        for words in ("update -qq", "install -qqy python3-venv"):
            subprocess.run(["apt-get", *words.split()], check=False, stdout=subprocess.DEVNULL)
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip"):
            return
    raise SetupError(
        "this Python has no venv module; install it (Debian: apt-get install python3-venv) and"
        " try again"
    )


def digest(*paths: Path) -> str:
    """Hash files and the checkout's place, which the environment's programs name."""
    content = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(str(CHECKOUT).encode() + content).hexdigest()


def is_stamped(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted


def run(*command: str) -> None:
    if subprocess.run(command, check=False, cwd=CHECKOUT).returncode != 0:
        raise SetupError(f"{' '.join(command[:4])} failed; see above")


def say(started_s: float, text: str) -> None:
    print(f"[{time.monotonic() - started_s:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
