from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.integration.capture.conftest import server_path  # noqa: F401 - a fixture
from tests.integration.streamer_app.process import Session, Streamer, streamer
from tests.support.browser import chromium


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(directory=tmp_path / "session")


@pytest.fixture
async def running(session: Session) -> AsyncIterator[Streamer]:
    async with streamer(session) as process:
        yield process


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running_browser:
        yield running_browser
