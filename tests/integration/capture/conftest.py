"""A simulated phone, the genuine scrcpy server file, and a listener that keeps what it is told."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cloudphone_streamer.adb.connection import AdbConnection
from dev.tools.paths import CHECKOUT, cache
from tests.integration.capture.listener import Capturing
from tests.integration.phone.simulated_phone import PhoneHandle, simulated_phone

FETCH_TIMEOUT_S = 240


@pytest.fixture(scope="package")
def phone() -> Iterator[PhoneHandle]:
    if os.geteuid() != 0:
        pytest.skip("the phone needs Linux namespaces of its own; run as root")
    with simulated_phone() as handle:
        yield handle


@pytest.fixture(scope="session")
def server_path() -> Path:
    path = cache() / "scrcpy-server-v3.3.4"
    subprocess.run(
        [sys.executable, CHECKOUT / "dev/fetch_scrcpy_server.py", path],
        check=True,
        timeout=FETCH_TIMEOUT_S,
    )
    return path


@pytest.fixture
async def adb(phone: PhoneHandle) -> AsyncIterator[AdbConnection]:
    connection = await AdbConnection.connect(phone.host, phone.port, key=None, timeout_s=10)
    yield connection
    await connection.close()


@pytest.fixture
async def capturing() -> AsyncIterator[Capturing]:
    running = Capturing()
    yield running
    await running.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "capture"]
