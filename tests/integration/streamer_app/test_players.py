"""WHEP players that nobody here wrote, in Chromium, on a page of another site."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser

from dev.tools.debian import ensure_programs
from dev.tools.progress import Progress
from tests.integration.streamer_app.process import Session, free_port, streamer

PLAYERS = Path(__file__).with_name("players")
NPM_TIMEOUT_S = 300

PAGE = """<!doctype html><video id=v autoplay muted playsinline></video>
<script type=importmap>{"imports": {
  "whip-whep": "/node_modules/whip-whep/whep.js",
  "mediamtx": "/node_modules/mediamtx-webrtc-react/dist/index.js",
  "react": "/react.js", "react/jsx-runtime": "/react.js"
}}</script>
<script type=module>
const video = document.getElementById("v");
window.frames = 0; window.errors = []; window.iceServers = [];
const count = () => { frames += 1; video.requestVideoFrameCallback(count); };
video.requestVideoFrameCallback(count);
const show = ({ streams, track }) => { video.srcObject = streams[0] ?? new MediaStream([track]); };
const players = {
  "whip-whep": async (url, token) => {
    const { WHEPClient } = await import("whip-whep");
    const peer = window.peer = new RTCPeerConnection();
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addTransceiver("audio", { direction: "recvonly" });
    peer.ontrack = show;
    const client = new WHEPClient();
    await client.view(peer, url, token);
    iceServers = peer.getConfiguration().iceServers;
    window.leave = () => client.stop();
  },
  mediamtx: async (url, token) => {
    const { MediaMTXWebRTCReader } = await import("mediamtx");
    const reader = new MediaMTXWebRTCReader({
      url, token, onError: (error) => errors.push(String(error)), onTrack: (event) => {
        iceServers = event.target.getConfiguration().iceServers;
        if (event.track.kind === "video") show(event);
      },
    });
    window.leave = () => reader.close();
  },
};
window.play = (name, url, token) => players[name](url, token);
</script>"""

REACT = """export const useEffect = () => {}, useRef = useEffect, useState = useEffect;
export const useCallback = useEffect, jsx = useEffect, jsxs = useEffect, Fragment = null;
export default { forwardRef: (component) => component };"""


@pytest.fixture(scope="module")
def packages() -> Path:
    ensure_programs({"node": "nodejs", "npm": "npm"}, Progress())
    lock = hashlib.sha256((PLAYERS / "package-lock.json").read_bytes()).hexdigest()
    stamp = PLAYERS / "node_modules" / ".lock-hash"
    if not stamp.is_file() or stamp.read_text() != lock:
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"],
            cwd=PLAYERS,
            check=True,
            capture_output=True,
            timeout=NPM_TIMEOUT_S,
        )
        stamp.write_text(lock)
    return PLAYERS / "node_modules"


@asynccontextmanager
async def site(packages: Path) -> AsyncIterator[str]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def react(_: web.Request) -> web.Response:
        return web.Response(text=REACT, content_type="text/javascript")

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/react.js", react)])
    app.router.add_static("/node_modules", packages)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("player", ["whip-whep", "mediamtx"])
async def test_a_player_of_another_site_plays_and_leaves(
    browser: Browser, session: Session, packages: Path, player: str
) -> None:
    async with site(packages) as origin:
        environment = {
            "CORS_ALLOWED_ORIGINS": origin,
            "TURN_URLS": f"turn:127.0.0.1:{free_port()}",
            "TURN_AUTH_SECRET": "north",
        }
        async with streamer(session, environment=environment) as running:
            # TURN credentials are for who has a ticket.
            async with running.http.options(f"{running.url}/whep") as response:
                assert "Link" not in response.headers
            page = await browser.new_page()
            await page.goto(origin)
            await page.evaluate(
                "([name, url, token]) => play(name, url, token)",
                [player, f"{running.url}/whep", session.ticket()],
            )
            await page.wait_for_function("window.frames > 60", timeout=20_000)
            [server] = await page.evaluate("iceServers")
            assert server["username"].partition(":")[0].isdecimal()
            assert server["credential"]
            assert await page.evaluate("errors") == []
            assert await running.metric("media_service_active_sessions") == 1
            await page.evaluate("leave()")
            async with asyncio.timeout(5):
                while await running.metric("media_service_active_sessions"):
                    await asyncio.sleep(0.05)
