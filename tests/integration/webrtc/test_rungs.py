"""Shared transcodes: a viewer that decodes only VP8, and viewers on different rungs."""

import asyncio
import threading

import pytest

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.encode.rungs import LADDERS, PASSTHROUGH
from cloudphone_streamer.rtp import fanout as fanout_module
from cloudphone_streamer.rtp.sender import VideoSender
from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.clip import HEIGHT_PX, WIDTH_PX, Player
from tests.integration.webrtc.viewer import AiortcViewer, wait_until

VP8_720P = LADDERS[VideoCodec.VP8][0]


@pytest.fixture(autouse=True)
def _short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout_module, "LINGER_S", 0.5)


def transcode_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("transcode-")}


def rungs(server: MediaServer) -> dict[str, int]:
    return dict(server.stats().viewers_by_rung)


async def test_a_viewer_without_h264_gets_the_vp8_rung(server: MediaServer, player: Player) -> None:
    assert transcode_threads() == set()
    async with AiortcViewer(server, codec=VideoCodec.VP8) as viewer:
        await viewer.wait_for_frames(30)
        assert viewer.sizes == {(WIDTH_PX, HEIGHT_PX)}
        assert rungs(server) == {VP8_720P.name: 1}
        assert transcode_threads() == {"transcode-decode", f"transcode-{VP8_720P.name}"}
        # The phone is not asked for anything: the rung makes its own key frames.
        assert player.key_frame_requests == 0
    await wait_until(lambda: not transcode_threads())


async def test_two_viewers_share_one_rung_and_a_third_gets_the_phones_stream(
    server: MediaServer, player: Player
) -> None:
    async with (
        AiortcViewer(server, codec=VideoCodec.VP8) as first,
        AiortcViewer(server, codec=VideoCodec.VP8) as second,
        AiortcViewer(server) as third,
    ):
        for viewer in (first, second, third):
            await viewer.wait_for_frames(30)
        assert rungs(server) == {VP8_720P.name: 2, PASSTHROUGH.name: 1}
        assert len(transcode_threads()) == 2
        await first.close()
        before = second.frames, third.frames
        await second.wait_for_frames(before[0] + 20)
        await third.wait_for_frames(before[1] + 40)
        assert player.key_frame_requests == 0
    await wait_until(lambda: not transcode_threads())


async def test_a_still_screen_shows_at_once_on_a_rung(server: MediaServer, player: Player) -> None:
    await asyncio.sleep(0.6)
    player.pause()
    async with AiortcViewer(server, codec=VideoCodec.VP8) as viewer:
        await wait_until(lambda: server.stats().packets_sent > 0)
        # Stock aiortc shows a picture when the next one begins: a key frame of the same.
        player.fanout.on_key_frame_wanted(_sender_of(server, viewer))
        await viewer.wait_for_frames(1, timeout_s=5)


async def test_a_viewer_is_moved_within_its_stream_and_nobody_else_notices(
    server: MediaServer, player: Player
) -> None:
    async with AiortcViewer(server) as moved, AiortcViewer(server) as other:
        await moved.wait_for_frames(30)
        await other.wait_for_frames(30)
        sender = _sender_of(server, moved)
        for _ in range(4):
            player.fanout.on_key_frame_wanted(sender)
            await asyncio.sleep(0.55)
        await wait_until(lambda: rungs(server) == {"h264-720p": 1, PASSTHROUGH.name: 1})
        assert dict(server.stats().rung_changes) == {"KeyFrameRequests": 1}
        assert {v.rung_reason for v in server.stats().per_viewer} == {"", "KeyFrameRequests"}
        before = moved.frames, other.frames
        await moved.wait_for_frames(before[0] + 30)
        await other.wait_for_frames(before[1] + 60)
        assert server.stats().nacked_packets == 0
    await wait_until(lambda: not transcode_threads())


async def test_another_size_in_the_middle_goes_on(server: MediaServer, player: Player) -> None:
    async with AiortcViewer(server, codec=VideoCodec.VP8) as viewer:
        await viewer.wait_for_frames(10)
        player.rotate()
        await wait_until(lambda: (HEIGHT_PX, WIDTH_PX) in viewer.sizes)
        before = viewer.frames
        await viewer.wait_for_frames(before + 10)


def _sender_of(server: MediaServer, viewer: AiortcViewer) -> VideoSender:
    assert viewer.accepted is not None
    sender = server._connections[viewer.accepted.viewer_id]._sender
    assert sender is not None
    return sender
