"""Datagrams that no honest viewer sends: dropped, counted, and nobody else notices."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator

import pytest
from aioice import stun
from aiortc.rtcsctptransport import ErrorChunk, HeartbeatChunk, serialize_packet
from aiortc.rtp import RtcpPsfbPacket

from cloudphone_streamer.rtp.fanout import VideoFanout
from cloudphone_streamer.webrtc.errors import InvalidAddress, PortBusy
from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.clip import Player
from tests.integration.webrtc.conftest import own_address
from tests.integration.webrtc.viewer import AiortcViewer, wait_until

CLIENT_HELLO = bytes.fromhex("16feff0000000000000000002a010000") + os.urandom(40)


@pytest.fixture
async def stranger(server: MediaServer) -> AsyncIterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        udp.connect((own_address(), server.port))
        yield udp


def received(udp: socket.socket) -> bytes | None:
    try:
        return udp.recv(2048)
    except BlockingIOError:
        return None


async def test_strangers_get_no_answer(server: MediaServer, stranger: socket.socket) -> None:
    check = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": "unknown:whoever"},
    )
    check.add_message_integrity(b"password")
    for datagram in (bytes(check), CLIENT_HELLO, b"\x80\xc8" + bytes(30), b"\xff\x00", b"\x00"):
        stranger.send(datagram)
    await wait_until(lambda: server.stats().datagrams_dropped == 5)
    mux = server.mux.stats
    assert (mux.unknown_user_fragment, mux.unknown_address) == (2, 3)
    assert received(stranger) is None


async def test_a_client_hello_from_an_address_that_proved_nothing_changes_nothing(
    server: MediaServer, stranger: socket.socket
) -> None:
    viewer = AiortcViewer(server)
    stranger.send(CLIENT_HELLO)
    async with viewer:
        stranger.send(CLIENT_HELLO)
        await viewer.wait_for_frames(5)
        stranger.send(CLIENT_HELLO)
        frames = viewer.frames
        await viewer.wait_for_frames(frames + 30)
    assert server.mux.stats.unknown_address == 3


async def test_random_datagrams_end_no_viewer(server: MediaServer, stranger: socket.socket) -> None:
    chance = random.Random(3)
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(5)
        for _ in range(2000):
            first = bytes([chance.choice([0, 1, 2, 20, 22, 23, 25, 63, 128, 144, 191, 200, 255])])
            stranger.send(first + chance.randbytes(chance.randrange(0, 200)))
            if chance.random() < 0.05:
                await asyncio.sleep(0)
        frames = viewer.frames
        await viewer.wait_for_frames(frames + 30)
        assert server.mux.stats.endpoint_errors == 0


async def test_forged_and_replayed_control_packets_are_counted(
    server: MediaServer, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(5)
        transport = viewer.peer.getTransceivers()[0].receiver.transport
        sent: list[bytes] = []
        send = transport.transport._send

        async def remember(data: bytes) -> None:
            sent.append(data)
            await send(data)

        monkeypatch.setattr(transport.transport, "_send", remember)
        (ssrc,) = vars(viewer.peer.getTransceivers()[0].receiver)["_RTCRtpReceiver__active_ssrc"]
        await transport._send_rtp(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc)))
        (genuine,) = [data for data in sent if data[1] == 206]
        await wait_until(lambda: player.key_frame_requests == 1)
        await send(genuine)
        await send(genuine[:-1] + bytes([genuine[-1] ^ 1]))
        await send(b"\x80\x60" + bytes(40))
        await wait_until(lambda: server.stats().malformed_packets == 3)
        assert player.key_frame_requests == 1


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"\x13\x88", id="two bytes"),
        pytest.param(
            serialize_packet(5000, 5000, 0, HeartbeatChunk())[:12]
            + bytes.fromhex("0400000800010000"),
            id="a parameter of length 0, which would loop",
        ),
    ],
)
async def test_malformed_sctp_ends_that_viewer_only(server: MediaServer, packet: bytes) -> None:
    async with AiortcViewer(server) as hostile, AiortcViewer(server) as other:
        await hostile.wait_for_channels()
        assert hostile.peer.sctp is not None
        await hostile.peer.sctp.transport._send_data(packet)
        await asyncio.wait_for(hostile.handler.closed.wait(), 5)
        assert hostile.handler.reason == "DataChannelError"
        frames = other.frames
        await other.wait_for_frames(frames + 30)


async def test_sctp_that_means_nothing_is_ignored(server: MediaServer) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_channels()
        assert viewer.peer.sctp is not None
        await viewer.peer.sctp.transport._send_data(serialize_packet(5000, 5000, 9, ErrorChunk()))
        assert viewer.control is not None
        viewer.control.send("still here")
        await wait_until(lambda: viewer.handler.messages == [("control", "still here")])


async def test_the_first_free_port_of_the_range_is_taken(server: MediaServer) -> None:
    fanout = VideoFanout(request_key_frame=lambda: None)
    second = MediaServer(
        addresses=["127.0.0.1"], port_min=server.port, port_max=server.port + 1, fanout=fanout
    )
    await second.start()
    assert second.port == server.port + 1
    third = MediaServer(
        addresses=["127.0.0.1"], port_min=server.port, port_max=server.port + 1, fanout=fanout
    )
    with pytest.raises(PortBusy, match=f"media port {server.port}-{server.port + 1} is in use"):
        await third.start()
    await second.close()
    await third.start()
    assert third.port == server.port + 1
    await third.close()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidAddress, match="candidate address is 'node-1'"):
        MediaServer(
            addresses=["node-1"],
            port_min=1,
            port_max=1,
            fanout=VideoFanout(request_key_frame=lambda: None),
        )
