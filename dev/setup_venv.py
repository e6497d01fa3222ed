"""
Makes `.venv`, with the exact dependencies of requirements/dev.txt: `python3 dev/setup_venv.py`.

Runs on the system's Python with the standard library only, since nothing else is there yet. Does
nothing when the environment already fits the requirements.
"""

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
STAMP = VENV / "requirements.sha256"
REQUIREMENTS = CHECKOUT / "requirements"
INPUTS = (REQUIREMENTS / "uv.txt", REQUIREMENTS / "dev.txt", CHECKOUT / "pyproject.toml")
OLDEST_PYTHON = (3, 11)


def main() -> int:
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"error: python3 is {found}; expected 3.11 or newer", file=sys.stderr)
        return 1
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in INPUTS)).hexdigest()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
        return 0
    if not ensure_venv_module():
        print(
            "error: this Python has no venv module; install it (Debian: apt-get install"
            " python3-venv) and try again",
            file=sys.stderr,
        )
        return 1
    started_s = time.monotonic()
    say(started_s, "making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    python = VENV / "bin" / "python"
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python)]
    steps: list[tuple[str, list[str]]] = [
        ("", [sys.executable, "-m", "venv", str(VENV)]),
        (
            "installing uv",
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt")],
        ),
        (
            "installing the dependencies (requirements/dev.txt)",
            [*uv, "--require-hashes", "-r", str(REQUIREMENTS / "dev.txt")],
        ),
        ("installing this project", [*uv, "--no-deps", "--no-build-isolation", "-e", "."]),
    ]  # fmt: skip
    for text, command in steps:
        if text:
            say(started_s, text)
        done = subprocess.run(command, check=False, cwd=CHECKOUT)
        if done.returncode != 0:
            print(f"error: {' '.join(command[:4])} failed; see above", file=sys.stderr)
            return 1
    STAMP.write_text(wanted, encoding="utf-8")
    say(started_s, ".venv is ready")
    return 0


def ensure_venv_module() -> bool:
    """Debian packages venv's `ensurepip` apart; as root on such a machine it is installed."""
    if importlib.util.find_spec("ensurepip"):
        return True
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qqy", "python3-venv"]):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    importlib.invalidate_caches()
    return importlib.util.find_spec("ensurepip") is not None


def say(started_s: float, text: str) -> None:
    print(f"[{time.monotonic() - started_s:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
