from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.streamer_app.process import Session, Streamer, streamer


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(directory=tmp_path / "session")


@pytest.fixture
async def running(session: Session) -> AsyncIterator[Streamer]:
    async with streamer(session) as process:
        yield process
