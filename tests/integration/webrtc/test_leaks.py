"""Viewers that come and go leave nothing behind."""

import asyncio
import time

from cloudphone_streamer.webrtc.connection import CONNECT_TIMEOUT_S, ViewerConnection
from cloudphone_streamer.webrtc.ice_lite import IceLite
from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.light_viewer import LightViewer, offer
from tests.integration.webrtc.viewer import AiortcViewer, Handler, wait_until
from tests.support.resources import Held, instances, resident_bytes

FLAT_BYTES = 3 * 1024 * 1024
"""What the allocator may keep: a viewer that stayed would be some 30 KiB, 200 of them 6 MiB."""


def connections() -> int:
    return instances(ViewerConnection, IceLite)


async def test_twenty_viewers_leave_no_task_descriptor_or_object(server: MediaServer) -> None:
    async with AiortcViewer(server) as warm_up:
        await warm_up.wait_for_frames(1)
    await wait_until(lambda: server.stats().viewers == 0)
    await asyncio.sleep(0.1)
    before = Held.now()

    for batch in range(5):
        viewers = [AiortcViewer(server, channels=batch % 2 == 0) for _ in range(4)]
        for viewer in viewers:
            await viewer.connect()
        for viewer in viewers:
            await viewer.wait_for_frames(1)
        for viewer in viewers[:2]:
            await viewer.close()
        for viewer in viewers[2:]:
            assert viewer.accepted is not None
            await server.close_viewer(viewer.accepted.viewer_id, "Test")
            await viewer.close()
        for viewer in viewers:
            await asyncio.wait_for(viewer.handler.closed.wait(), 5)
        assert [viewer.handler.closed_count for viewer in viewers] == [1, 1, 1, 1]
    del viewers, viewer, warm_up
    await wait_until(lambda: Held.now() == before)
    await wait_until(lambda: connections() == 0)
    assert server.mux._by_path == {}
    assert server.mux._by_user_fragment == {}


async def test_a_thousand_abandoned_offers_leave_nothing(server: MediaServer) -> None:
    before = Held.now()
    resident: list[int] = []
    for _ in range(3):
        handlers = [Handler() for _ in range(1000)]
        for handler in handlers:
            await server.accept(offer(), handler)
        assert server.stats().viewers == 1000
        assert Held.now() == before
        late_s = time.monotonic() + CONNECT_TIMEOUT_S + 1
        for connection in list(server._connections.values()):
            connection.tick(late_s)
        del connection
        await wait_until(lambda: not server._connections)
        assert {handler.closed_count for handler in handlers} == {1}
        assert {handler.reason for handler in handlers} == {"ConnectTimeout"}
        await wait_until(lambda: Held.now() == before)
        assert connections() == 0
        resident.append(resident_bytes())
    assert resident[2] - resident[1] < FLAT_BYTES


async def test_offers_that_are_open_when_the_server_closes_are_ended(server: MediaServer) -> None:
    handlers = [Handler() for _ in range(100)]
    for handler in handlers:
        await server.accept(offer(), handler)
    await asyncio.wait_for(server.close(), 2)
    assert {handler.closed_count for handler in handlers} == {1}
    assert {handler.reason for handler in handlers} == {"ServerClosing"}


async def test_two_hundred_viewers_that_connect_and_leave_leave_nothing(
    server: MediaServer,
) -> None:
    before = Held.now()
    resident: list[int] = []
    for _ in range(3):
        for _ in range(200):
            viewer = LightViewer(server)
            await viewer.connect()
            viewer.leave()
            await asyncio.wait_for(viewer.handler.closed.wait(), 5)
            assert viewer.handler.reason == "ClosedByViewer"
        del viewer
        await wait_until(lambda: server.stats().viewers == 0)
        await wait_until(lambda: Held.now() == before)
        await wait_until(lambda: connections() == 0)
        resident.append(resident_bytes())
    assert server.mux._by_path == {}
    assert server.mux._by_user_fragment == {}
    assert resident[2] - resident[1] < FLAT_BYTES
