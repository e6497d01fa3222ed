"""Viewers that come and go leave nothing behind."""

import asyncio
import gc
from pathlib import Path

from cloudphone_streamer.webrtc.connection import ViewerConnection
from cloudphone_streamer.webrtc.ice_lite import IceLite
from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.viewer import AiortcViewer, Handler, wait_until


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def connections() -> int:
    gc.collect()
    return sum(isinstance(thing, ViewerConnection | IceLite) for thing in gc.get_objects())


async def test_twenty_viewers_leave_no_task_descriptor_or_object(server: MediaServer) -> None:
    async with AiortcViewer(server) as warm_up:
        await warm_up.wait_for_frames(1)
    await wait_until(lambda: server.stats().viewers == 0)
    await asyncio.sleep(0.1)
    tasks_before, descriptors_before = len(asyncio.all_tasks()), len(descriptors())

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
    await wait_until(lambda: len(asyncio.all_tasks()) == tasks_before)
    await wait_until(lambda: len(descriptors()) == descriptors_before)
    await wait_until(lambda: connections() == 0)
    assert server.mux._by_path == {}
    assert server.mux._by_user_fragment == {}


async def test_abandoned_offers_cost_no_task_and_no_descriptor(server: MediaServer) -> None:
    viewer = AiortcViewer(server)
    viewer.peer.addTransceiver("video", direction="recvonly")
    await viewer.peer.setLocalDescription(await viewer.peer.createOffer())
    offer = viewer.peer.localDescription.sdp
    await viewer.close()
    tasks_before, descriptors_before = len(asyncio.all_tasks()), len(descriptors())
    handlers = [Handler() for _ in range(200)]
    for handler in handlers:
        await server.accept(offer, handler)
    assert server.stats().viewers == 200
    assert len(asyncio.all_tasks()) == tasks_before
    assert len(descriptors()) == descriptors_before
    await asyncio.wait_for(server.close(), 2)
    assert {handler.closed_count for handler in handlers} == {1}
    assert {handler.reason for handler in handlers} == {"ServerClosing"}
