import hashlib
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.tools.debian import ensure_programs
from dev.tools.progress import Progress
from tests.integration.phone.adb_program import AdbProgram
from tests.integration.phone.simulated_phone import PhoneHandle, simulated_phone

WITNESS = Path(__file__).with_name("witness")
NPM_TIMEOUT_S = 300


@pytest.fixture(scope="module")
def phone() -> Iterator[PhoneHandle]:
    if os.geteuid() != 0:
        pytest.skip("the phone needs Linux namespaces of its own; run as root")
    with simulated_phone() as handle:
        yield handle


@pytest.fixture(scope="module")
def adb(phone: PhoneHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbProgram]:
    ensure_programs({"adb": "adb"}, Progress())
    program = AdbProgram(phone, tmp_path_factory.mktemp("adb"))
    try:
        program.connect()
        yield program
    finally:
        program.kill_server()


@pytest.fixture(scope="session")
def server_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that looks like scrcpy's server to the phone: an archive with Android code."""
    path = tmp_path_factory.mktemp("scrcpy") / "scrcpy-server.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("classes.dex", b"dex\n035\0")
    return path


@pytest.fixture(scope="session")
def witness() -> Path:
    """The witness program, with the packages of its lock file installed."""
    ensure_programs({"node": "nodejs", "npm": "npm"}, Progress())
    lock = hashlib.sha256((WITNESS / "package-lock.json").read_bytes()).hexdigest()
    stamp = WITNESS / "node_modules" / ".lock-hash"
    if not stamp.is_file() or stamp.read_text() != lock:
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=WITNESS,
            check=True,
            capture_output=True,
            timeout=NPM_TIMEOUT_S,
        )
        stamp.write_text(lock)
    return WITNESS / "witness.mjs"
