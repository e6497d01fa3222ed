"""The media port in TCP: who may stay connected, what a slow viewer costs, and Chromium on it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from aioice import stun

from cloudphone_streamer.webrtc import tcp_listener
from cloudphone_streamer.webrtc.framing import framed
from cloudphone_streamer.webrtc.media_port import MediaPort
from cloudphone_streamer.webrtc.mux import Mux, Path
from cloudphone_streamer.webrtc.server import MediaServer
from cloudphone_streamer.webrtc.tcp_listener import MAX_UNPROVED_BY_ADDRESS, TcpPath
from tests.integration.webrtc.clip import Player
from tests.integration.webrtc.test_chromium import signaling
from tests.integration.webrtc.viewer import AiortcViewer, wait_until
from tests.support.browser import chromium

PACKET = bytes(1200)


def in_frame(packet: bytes) -> bytes:
    return bytes(framed(packet, len(packet)))


def request(user_fragment: str) -> bytes:
    check = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": f"{user_fragment}:theirs"},
    )
    check.add_message_integrity(b"p" * 22)
    return bytes(check)


class Viewer:
    """Takes every check for valid, so that the connection is its path."""

    def __init__(self, mux: Mux) -> None:
        self.paths: list[TcpPath] = []
        self.lost: list[Path] = []
        self.srtp: list[bytes] = []
        self._mux = mux
        mux.register("mine", self)

    def handle_stun(self, packet: bytes, path: Path) -> None:
        assert isinstance(path, TcpPath)
        assert self._mux.validate(path, self, 0.0)
        self.paths.append(path)

    def handle_dtls(self, packet: bytes) -> None:
        raise AssertionError

    def handle_srtp(self, packet: bytes) -> None:
        self.srtp.append(packet)

    def handle_path_lost(self, path: Path) -> None:
        self.lost.append(path)


@pytest.fixture
async def viewer() -> Viewer:
    return Viewer(Mux())


@pytest.fixture
async def port(viewer: Viewer) -> AsyncIterator[MediaPort]:
    media_port = MediaPort(viewer._mux, [])
    await media_port.open(range(50_300, 50_400))
    yield media_port
    media_port.close()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], "asyncio.Future[Streams]"]


@pytest.fixture
async def connect(port: MediaPort) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def open_one() -> Streams:
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            stack.callback(writer.close)
            return reader, writer

        yield lambda: asyncio.ensure_future(open_one())


async def ended(reader: asyncio.StreamReader, timeout_s: float = 2) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await reader.read(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(in_frame(request("nobody")), id="a check for nobody"),
        pytest.param(in_frame(b"\x16\xfe\xff" + bytes(40)), id="DTLS before any check"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol: a frame of 18,245 bytes"),
        pytest.param(in_frame(os.urandom(3)), id="noise"),
    ],
)
async def test_who_begins_with_anything_but_a_check_is_cut_off(
    connect: Connect, sent: bytes
) -> None:
    reader, writer = await connect()
    writer.write(sent)
    assert await ended(reader)


async def test_who_proves_nothing_in_time_is_cut_off(
    connect: Connect, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_listener, "VALIDATE_WITHIN_S", 0.3)
    silent, _ = await connect()
    proved, writer = await connect()
    writer.write(in_frame(request("mine")))
    assert await ended(silent)
    assert not await ended(proved, timeout_s=0.3)
    writer.write(in_frame(b"\x80" + bytes(20)))
    await wait_until(lambda: viewer.srtp == [b"\x80" + bytes(20)])


async def test_one_address_holds_few_connections_that_prove_nothing(
    connect: Connect, viewer: Viewer
) -> None:
    held = [await connect() for _ in range(MAX_UNPROVED_BY_ADDRESS)]
    refused, _ = await connect()
    assert await ended(refused)
    # A viewer's connection counts no more.
    _, writer = held[0]
    writer.write(in_frame(request("mine")))
    await wait_until(lambda: len(viewer.paths) == 1)
    taken, _ = await connect()
    assert not await ended(taken, timeout_s=0.2)
    held[1][1].close()
    await held[1][1].wait_closed()
    another, _ = await connect()
    assert not await ended(another, timeout_s=0.2)


async def test_a_viewer_that_reads_nothing_costs_little_and_control_still_passes(
    connect: Connect, viewer: Viewer, port: MediaPort
) -> None:
    reader, writer = await connect()
    writer.write(in_frame(request("mine")))
    await wait_until(lambda: len(viewer.paths) == 1)
    [path] = viewer.paths
    batch = memoryview(PACKET * 40)
    taken = 0
    while path.send_segments(batch, len(PACKET)):
        taken += 40
        await asyncio.sleep(0)
        assert taken < 20_000, "the buffer has no end"
    assert port.blocked_sends == 1
    assert path.send(b"control")
    assert path._transport is not None
    assert path._transport.get_write_buffer_size() < 192 * 1024
    # It reads again: all that was taken comes, whole and in order.
    for _ in range(taken):
        assert await reader.readexactly(2) == len(PACKET).to_bytes(2, "big")
        assert await reader.readexactly(len(PACKET)) == PACKET
    assert await reader.readexactly(2 + len(b"control")) == in_frame(b"control")
    assert path.send_segments(batch, len(PACKET)) == len(batch)


async def test_a_viewer_hears_that_its_connection_ended_and_can_end_it(
    connect: Connect, viewer: Viewer
) -> None:
    first, second = await connect(), await connect()
    for _, writer in (first, second):
        writer.write(in_frame(request("mine")))
        await wait_until(lambda: bool(viewer.paths))
    await wait_until(lambda: len(viewer.paths) == 2)
    first[1].close()
    await wait_until(lambda: viewer.lost == [viewer.paths[0]])
    viewer.paths[1].send(b"last words")
    viewer._mux.release([viewer.paths[1]], viewer)
    assert await second[0].read() == in_frame(b"last words")
    assert viewer.lost == [viewer.paths[0]]


async def test_chromium_without_udp_plays_over_tcp(server: MediaServer, player: Player) -> None:
    async with signaling(server) as (url, handlers), chromium(without_udp=True) as browser:
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("play({audio: false, playoutDelay: true})")
        await page.wait_for_function("window.frames.length > 90", timeout=15_000)
        protocols = await page.evaluate(
            """pc.getStats().then(all => [...all.values()]
                .filter(s => s.type === 'local-candidate').map(s => s.protocol))"""
        )
        assert set(protocols) == {"tcp"}
        assert player.key_frame_requests == 0
        await asyncio.wait_for(handlers[0].channel_open.wait(), 5)
        await page.evaluate("control.send('touch')")
        await wait_until(lambda: handlers[0].messages == [("control", "touch")])
        await page.evaluate("pc.close()")
        await asyncio.wait_for(handlers[0].closed.wait(), 5)
        assert handlers[0].reason == "ClosedByViewer"


async def test_strangers_on_tcp_do_not_disturb_a_viewer(server: MediaServer) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(5)
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(os.urandom(500))
            writer.close()
        frames = viewer.frames
        await viewer.wait_for_frames(frames + 30)
        assert server.mux.stats.endpoint_errors == 0
