"""A viewer whose network changes goes on by an ICE restart: the page's own code in Chromium."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources

import pytest
from aiohttp import web

from cloudphone_streamer.webrtc.mux import Address
from cloudphone_streamer.webrtc.server import MediaServer
from cloudphone_streamer.webrtc.tcp_listener import TcpListener
from cloudphone_streamer.webrtc.udp_socket import UdpSocket
from tests.integration.webrtc.viewer import AiortcViewer, Handler, wait_until
from tests.support.browser import chromium

PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script type=module>
import { WhepConnection, fragmentOf, iceServersOf, withFragment } from "./whep.js";
Object.assign(window, { fragmentOf, iceServersOf, withFragment });
const connection = window.connection = new WhepConnection();
window.heard = []; window.frames = 0; window.isOpen = false;
for (const type of ["interrupted", "resumed", "close"])
  connection.addEventListener(type, () => heard.push(type));
connection.addEventListener("open", () => { isOpen = true; });
connection.addEventListener("stream", ({ detail }) => {
  const video = document.getElementById("v");
  video.srcObject = detail;
  const count = () => { frames += 1; video.requestVideoFrameCallback(count); };
  video.requestVideoFrameCallback(count);
});
window.connected = connection.connect("/whep", "ticket");
</script>"""

LINKS = (
    '<stun:stun.example.org>; rel="ice-server", '
    '<turn:turn.example.org?transport=udp>; rel="ice-server"; username="12:a"; '
    'credential="se\\"cret"; credential-type="password", '
    '<https://example.org>; rel="help"'
)


class ChangingNetwork:
    """Loses all datagrams from and to the addresses that are gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone: set[Address] = set()
        self.seen: set[Address] = set()
        self.is_down = False
        receive, send = UdpSocket.receive, UdpSocket.send
        send_segments = UdpSocket.send_segments

        def lossy_receive(udp: UdpSocket, max_bytes: int) -> tuple[bytes, Address] | None:
            while (received := receive(udp, max_bytes)) is not None:
                self.seen.add(received[1])
                if received[1] not in self.gone and not self.is_down:
                    return received
            return None

        def lossy_send(udp: UdpSocket, datagram: bytes | memoryview, address: Address) -> bool:
            return address in self.gone or send(udp, datagram, address)

        def lossy_send_segments(
            udp: UdpSocket, datagrams: memoryview, segment_bytes: int, address: Address
        ) -> int:
            if address in self.gone:
                return len(datagrams)
            return send_segments(udp, datagrams, segment_bytes, address)

        monkeypatch.setattr(UdpSocket, "receive", lossy_receive)
        monkeypatch.setattr(UdpSocket, "send", lossy_send)
        monkeypatch.setattr(UdpSocket, "send_segments", lossy_send_segments)


@asynccontextmanager
async def whep(server: MediaServer) -> AsyncIterator[tuple[str, list[Handler]]]:
    handlers: list[Handler] = []

    async def post(request: web.Request) -> web.Response:
        handler = Handler()
        accepted = await server.accept(await request.text(), handler)
        handlers.append(handler)
        headers = {"Location": f"/whep/{accepted.viewer_id}", "ETag": accepted.etag, "Link": LINKS}
        return web.Response(status=201, text=accepted.answer_sdp, headers=headers)

    async def patch(request: web.Request) -> web.Response:
        assert request.headers["If-Match"] == "*"
        restarted = server.apply_fragment(request.match_info["id"], await request.text())
        assert restarted is not None
        return web.Response(text=restarted.fragment, headers={"ETag": restarted.etag})

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(_: web.Request) -> web.Response:
        text = (resources.files("cloudphone_streamer") / "web" / "whep.js").read_text()
        return web.Response(text=text, content_type="text/javascript")

    app = web.Application()
    app.add_routes(
        [
            web.get("/", page),
            web.get("/whep.js", script),
            web.post("/whep", post),
            web.patch("/whep/{id}", patch),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", handlers
    finally:
        await runner.cleanup()


async def test_the_same_viewer_goes_on_after_its_network_changed(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = ChangingNetwork(monkeypatch)
    async with whep(server) as (url, handlers), chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        await page.wait_for_function("window.frames > 30 && window.isOpen", timeout=15_000)
        user_fragments = set(server.mux._by_user_fragment)
        # A restart while all is well moves the stream to fresh sockets without a gap to notice.
        await page.evaluate("connection.restartIce()")
        await wait_until(lambda: not user_fragments & set(server.mux._by_user_fragment))
        assert await page.evaluate("heard") == []

        network.gone = set(network.seen)
        await page.evaluate("connection.interrupt()")  # as link.js does after seconds of silence
        [handler] = handlers
        assert handler.send is not None
        handler.send('{"type": "pong"}')  # sent into the dead path, and repeated on the new one
        await page.wait_for_function("window.heard.includes('resumed')", timeout=15_000)
        frames = await page.evaluate("frames")
        await page.wait_for_function(f"window.frames > {frames + 30}", timeout=15_000)
        assert await page.evaluate("heard") == ["interrupted", "resumed"]
        await page.evaluate("connection.send({type: 'ping', sentMs: 1})")
        await wait_until(lambda: len(handler.messages) == 1)
        assert handler.closed_count == 0
        assert len(server.mux._by_user_fragment) == 1

        servers = await page.evaluate("iceServersOf", LINKS)
        assert servers == [
            {"urls": "stun:stun.example.org"},
            {
                "urls": "turn:turn.example.org?transport=udp",
                "username": "12:a",
                "credential": 'se"cret',
            },
        ]


async def test_who_finds_no_path_looks_again_with_the_servers_of_the_answer(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = ChangingNetwork(monkeypatch)
    network.is_down = True
    admit = TcpListener.admit
    monkeypatch.setattr(
        TcpListener,
        "admit",
        lambda listener, connection, host: (
            not network.is_down and admit(listener, connection, host)
        ),
    )
    async with whep(server) as (url, handlers), chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        await wait_until(lambda: bool(server.mux._by_user_fragment), timeout_s=15)
        await wait_until(lambda: len(server.mux._by_user_fragment) == 2, timeout_s=15)
        network.is_down = False
        await page.wait_for_function("window.frames > 30 && window.isOpen", timeout=15_000)
        assert await page.evaluate("heard") == []
        assert handlers[0].closed_count == 0


async def test_a_restart_that_nobody_takes_up_changes_nothing(server: MediaServer) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(5)
        assert viewer.accepted is not None
        viewer_id = viewer.accepted.viewer_id
        for number in range(3):
            fragment = f"a=ice-ufrag:new{number}\r\na=ice-pwd:{'p' * 22}\r\n"
            assert server.apply_fragment(viewer_id, fragment) is not None
        assert len(server.mux._by_user_fragment) == 2
        frames = viewer.frames
        await viewer.wait_for_frames(frames + 60)
        await asyncio.wait_for(server.close_viewer(viewer_id, "Test"), 2)
        assert server.mux._by_user_fragment == {}
