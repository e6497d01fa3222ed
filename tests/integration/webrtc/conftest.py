"""A media server with a moving picture, on this machine's own address."""

import socket
from collections.abc import AsyncIterator

import pytest

from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.clip import Player, clip


def own_address() -> str:
    """Address that this machine would use to reach others: viewers gather no loopback candidates."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    async with Player(clip()) as playing:
        yield playing


@pytest.fixture
async def server(player: Player) -> AsyncIterator[MediaServer]:
    media = MediaServer(
        addresses=[own_address()], port_min=50_300, port_max=50_399, fanout=player.fanout
    )
    await media.start()
    yield media
    await media.close()
