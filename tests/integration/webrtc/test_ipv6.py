"""The same port over IPv6."""

import socket

import pytest

from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.clip import Player
from tests.integration.webrtc.viewer import AiortcViewer


def own_ipv6_address() -> str | None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("2001:db8::1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address == "::1" else address


async def test_a_viewer_plays_over_ipv6(player: Player) -> None:
    address = own_ipv6_address()
    if address is None:
        pytest.skip("this machine has no IPv6 address that others could reach")
    server = MediaServer(
        addresses=[address], port_min=50_300, port_max=50_399, fanout=player.fanout
    )
    await server.start()
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(30)
        await viewer.wait_for_channels()
    await server.close()
