"""Chromium behind a narrow link gets a lower rung, and the phone's stream again when it widens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cloudphone_streamer.encode.rungs import PASSTHROUGH
from cloudphone_streamer.rtp import rung_policy
from cloudphone_streamer.webrtc.server import MediaServer
from cloudphone_streamer.webrtc.stats import ViewerStats
from tests.integration.webrtc.clip import Player, clip
from tests.integration.webrtc.conftest import own_address
from tests.integration.webrtc.narrow import NarrowLink
from tests.integration.webrtc.test_chromium import PAGE
from tests.integration.webrtc.viewer import AiortcViewer, Handler, wait_until
from tests.support.browser import chromium

CLIP_BPS = 4_000_000
NARROW_BPS = 1_600_000


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    async with Player(clip(bitrate_bps=CLIP_BPS)) as playing:
        yield playing


@pytest.fixture(autouse=True)
def _up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rung_policy, "_UP_AFTER_S", 3.0)


@asynccontextmanager
async def signaling_by(
    server: MediaServer, link: NarrowLink
) -> AsyncIterator[tuple[str, list[str]]]:
    """A page whose only way to the server is the link, and the ids of its viewers."""
    viewer_ids: list[str] = []

    async def offer(request: web.Request) -> web.Response:
        accepted = await server.accept(await request.text(), Handler())
        viewer_ids.append(accepted.viewer_id)
        lines = [
            line.replace(f" {server.port} ", f" {link.port} ")
            for line in accepted.answer_sdp.split("\r\n")
            if not (line.startswith("a=candidate") and " tcp " in line.lower())
        ]
        return web.Response(text="\r\n".join(lines))

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_post("/offer", offer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", viewer_ids
    finally:
        await runner.cleanup()


async def test_down_on_a_narrow_link_and_up_again(server: MediaServer) -> None:
    async with (
        AiortcViewer(server) as other,
        NarrowLink(own_address(), server.port) as link,
        signaling_by(server, link) as (url, viewer_ids),
        chromium() as browser,
    ):
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("play({audio: false, playoutDelay: true})")
        await page.wait_for_function("frames.length > 60")

        def viewer() -> ViewerStats:
            (found,) = (v for v in server.stats().per_viewer if v.viewer_id == viewer_ids[0])
            return found

        await wait_until(lambda: viewer().rung == PASSTHROUGH.name, timeout_s=30)
        link.rate_bps = NARROW_BPS
        await wait_until(lambda: viewer().rung in {"h264-480p", "h264-360p"}, timeout_s=30)
        assert viewer().rung_reason in {"Overuse", "Loss"}
        assert (viewer().target_bps or 0) < 2 * NARROW_BPS
        shown = await page.evaluate("frames.length")
        await page.wait_for_function(f"frames.length > {shown + 60}")

        link.rate_bps = None
        await wait_until(lambda: viewer().rung == PASSTHROUGH.name, timeout_s=60)
        assert viewer().rung_reason == "Headroom"
        shown = await page.evaluate("frames.length")
        await page.wait_for_function(f"frames.length > {shown + 60}")

        # The other viewer has gone on all the time.
        before = other.frames
        await other.wait_for_frames(before + 30)
