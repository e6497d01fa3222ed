"""Resolves requirements/*.txt anew, with hashes and without addresses: `make lock`."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
UV = CHECKOUT / ".venv" / "bin" / "uv"

# Each image's requirements are resolved alone; the development environment must agree with both.
LOCKS: dict[str, list[str]] = {
    "uv": ["requirements/uv.in"],
    "build": ["requirements/build.in"],
    "operator": ["--extra=operator", "pyproject.toml"],
    "streamer": ["--extra=streamer", "pyproject.toml"],
    "phone": ["requirements/phone.in", "--constraints=requirements/streamer.txt"],
    "dev": [
        "--extra=operator",
        "--extra=streamer",
        "pyproject.toml",
        "requirements/dev.in",
        "requirements/build.in",
        "--constraints=requirements/operator.txt",
        "--constraints=requirements/streamer.txt",
    ],
}


def main() -> int:
    for name, inputs in LOCKS.items():
        command = [
            str(UV), "pip", "compile", "--quiet", "--upgrade", "--universal", "--generate-hashes",
            "--no-header", "--python-version=3.11", f"--output-file=requirements/{name}.txt",
            *inputs,
        ]  # fmt: skip
        print(f"requirements/{name}.txt", flush=True)
        if subprocess.run(command, check=False, cwd=CHECKOUT).returncode != 0:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
