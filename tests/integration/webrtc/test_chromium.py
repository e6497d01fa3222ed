"""Chromium plays what the media server sends, and loses no time in its jitter buffer."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from aiohttp import web

from cloudphone_streamer.webrtc.server import MediaServer
from cloudphone_streamer.webrtc.udp_socket import UdpSocket
from tests.integration.webrtc.clip import HEIGHT_PX, WIDTH_PX, Player
from tests.integration.webrtc.loss import LossyNetwork
from tests.integration.webrtc.viewer import Handler
from tests.support.browser import chromium

PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script>
async function play({audio, playoutDelay}) {
  const pc = window.pc = new RTCPeerConnection();
  if (audio) pc.addTransceiver('audio', {direction: 'recvonly'});
  pc.addTransceiver('video', {direction: 'recvonly'});
  window.messages = [];
  const control = window.control = pc.createDataChannel('control');
  window.moves = pc.createDataChannel('moves', {ordered: false, maxRetransmits: 0});
  control.onmessage = event => messages.push(event.data);
  pc.ontrack = event => { document.getElementById('v').srcObject = new MediaStream([event.track]); };
  const started = performance.now();
  window.frames = []; window.firstFrameMs = null;
  const count = (now, meta) => {
    frames.push([now, meta.presentedFrames, meta.mediaTime]);
    firstFrameMs ??= performance.now() - started;
    document.getElementById('v').requestVideoFrameCallback(count);
  };
  document.getElementById('v').requestVideoFrameCallback(count);
  const offer = await pc.createOffer();
  if (!playoutDelay) offer.sdp = offer.sdp.replace(/a=extmap:\\d+ [^\\r]*playout-delay\\r\\n/g, '');
  await pc.setLocalDescription(offer);
  const response = await fetch('/offer', {method: 'POST', body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
}
async function videoStats() {
  const all = [...(await pc.getStats()).values()];
  const inbound = all.find(s => s.type === 'inbound-rtp' && s.kind === 'video');
  const pair = all.find(s => s.type === 'candidate-pair' && s.nominated);
  const transport = all.find(s => s.type === 'transport');
  return {...inbound, srtpCipher: transport.srtpCipher, dtlsState: transport.dtlsState,
          currentRoundTripTime: pair && pair.currentRoundTripTime};
}
</script>"""


@asynccontextmanager
async def signaling(server: MediaServer) -> AsyncIterator[tuple[str, list[Handler]]]:
    handlers: list[Handler] = []

    async def offer(request: web.Request) -> web.Response:
        handler = Handler()
        accepted = await server.accept(await request.text(), handler)
        handlers.append(handler)
        return web.Response(text=accepted.answer_sdp)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", page), web.post("/offer", offer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/", handlers
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("audio", "playout_delay", "hide_local_addresses"),
    [
        pytest.param(False, True, False, id="video with the playout-delay extension"),
        pytest.param(True, True, False, id="an audio section first, which is answered inactive"),
        pytest.param(False, False, True, id="no playout-delay offered, addresses hidden"),
    ],
)
async def test_chromium_plays_at_the_full_rate(
    server: MediaServer,
    player: Player,
    audio: bool,
    playout_delay: bool,
    hide_local_addresses: bool,
) -> None:
    async with (
        signaling(server) as (url, handlers),
        chromium(hide_local_addresses=hide_local_addresses) as browser,
    ):
        page = await browser.new_page()
        await page.goto(url)
        await asyncio.sleep(0.6)  # the join meets a GOP in the middle
        await page.evaluate(f"play({json.dumps({'audio': audio, 'playoutDelay': playout_delay})})")
        await page.wait_for_function("window.frames.length > 30", timeout=15_000)
        before = await page.evaluate("videoStats()")
        await asyncio.sleep(4)
        after = await page.evaluate("videoStats()")
        first_frame_ms = await page.evaluate("firstFrameMs")

        decoded = after["framesDecoded"] - before["framesDecoded"]
        seconds = (after["timestamp"] - before["timestamp"]) / 1000
        emitted = after["jitterBufferEmittedCount"] - before["jitterBufferEmittedCount"]
        delay_ms = (after["jitterBufferDelay"] - before["jitterBufferDelay"]) / emitted * 1000
        sys.stdout.write(
            f"\njitter buffer {delay_ms:.2f} ms, {decoded / seconds:.1f} fps decoded, "
            f"first frame {first_frame_ms:.0f} ms, {after['srtpCipher']}, "
            f"lost {after['packetsLost']}, freezes {after['freezeCount']}\n"
        )
        assert (after["frameWidth"], after["frameHeight"]) == (WIDTH_PX, HEIGHT_PX)
        assert decoded / seconds > 50
        assert after["freezeCount"] == before["freezeCount"]
        assert "GCM" in after["srtpCipher"]
        if playout_delay:
            assert delay_ms < 5

        await asyncio.wait_for(handlers[0].channel_open.wait(), 5)
        assert handlers[0].send is not None
        handlers[0].send("told")
        await page.wait_for_function("messages.includes('told')", timeout=5000)
        await page.evaluate("control.send('touch'); moves.send('move')")
        async with asyncio.timeout(5):
            while len(handlers[0].messages) < 2:
                await asyncio.sleep(0.01)
        assert sorted(handlers[0].messages) == [("control", "touch"), ("moves", "move")]

        await page.evaluate("pc.close()")
        await asyncio.wait_for(handlers[0].closed.wait(), 5)
        assert handlers[0].reason == "ClosedByViewer"


async def test_a_chromium_viewer_is_told_when_the_server_ends_it(server: MediaServer) -> None:
    async with signaling(server) as (url, handlers), chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("play({audio: false, playoutDelay: true})")
        await asyncio.wait_for(handlers[0].channel_open.wait(), 10)
        assert handlers[0].send is not None
        handlers[0].send("closing")
        await asyncio.wait_for(server.close(), 2)
        await page.wait_for_function("messages.includes('closing')", timeout=2000)
        await page.wait_for_function(
            "control.readyState === 'closed' || pc.connectionState !== 'connected'", timeout=2000
        )
        assert handlers[0].reason == "ServerClosing"


async def test_five_percent_loss_does_not_freeze_chromium(
    server: MediaServer, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = LossyNetwork(0.05)
    monkeypatch.setattr(UdpSocket, "send_segments", network.send_segments)
    async with signaling(server) as (url, _), chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("play({audio: false, playoutDelay: true})")
        await page.wait_for_function("window.frames.length > 10", timeout=15_000)
        await asyncio.sleep(5)
        times_ms = await page.evaluate("frames.map(frame => frame[0])")
        viewer = server.stats().per_viewer[0]
        assert network.lost > 30
        assert viewer.retransmitted_packets > 0.8 * network.lost
        assert viewer.packets_not_arrived > 0
        assert max(after - before for before, after in pairwise(times_ms)) < 500
        assert player.key_frame_requests == 0
