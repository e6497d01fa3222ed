"""Chromium behind a narrow link gets a lower rung, and the phone's stream again when it widens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cloudphone_streamer.encode.rungs import PASSTHROUGH
from cloudphone_streamer.rtp import rung_policy
from cloudphone_streamer.webrtc.server import MediaServer
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
async def signaling_by(server: MediaServer, link: NarrowLink) -> AsyncIterator[str]:
    """A page whose only way to the server is the link."""

    async def offer(request: web.Request) -> web.Response:
        accepted = await server.accept(await request.text(), Handler())
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
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_down_on_a_narrow_link_and_up_again(server: MediaServer) -> None:
    def rung_names() -> list[str]:
        return sorted(v.rung for v in server.stats().per_viewer if v.is_connected)

    async with (
        AiortcViewer(server) as healthy,
        NarrowLink(own_address(), server.port) as link,
        signaling_by(server, link) as url,
        chromium() as browser,
    ):
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("play({audio: false, playoutDelay: true})")
        await page.wait_for_function("frames.length > 60")
        assert rung_names() == [PASSTHROUGH.name] * 2

        link.rate_bps = NARROW_BPS
        await wait_until(lambda: rung_names() == ["h264-480p", PASSTHROUGH.name], timeout_s=30)
        changes = dict(server.stats().rung_changes)
        assert set(changes) <= {"Overuse", "Loss"}
        shown = await page.evaluate("frames.length")
        await page.wait_for_function(f"frames.length > {shown + 60}")

        link.rate_bps = None
        await wait_until(lambda: rung_names() == [PASSTHROUGH.name] * 2, timeout_s=40)
        assert server.stats().rung_changes["Headroom"] >= 2
        shown = await page.evaluate("frames.length")
        await page.wait_for_function(f"frames.length > {shown + 60}")

        # The other viewer has not noticed anything.
        other = next(v for v in server.stats().per_viewer if not v.rung_reason)
        assert other.packets_skipped == 0
        before = healthy.frames
        await healthy.wait_for_frames(before + 30)
