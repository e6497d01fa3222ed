"""What the abuse list asks of STUN, DTLS, RTP, RTCP and SDP; see also test_hostile_datagrams."""

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aioice import stun

from cloudphone_streamer.webrtc.dtls import DtlsServer
from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.clip import Player
from tests.integration.webrtc.conftest import own_address
from tests.integration.webrtc.light_viewer import LightViewer, offer
from tests.integration.webrtc.viewer import AiortcViewer, Handler, wait_until

ETH_P_ALL = 0x0003


@pytest.fixture
async def viewer(server: MediaServer, player: Player) -> AsyncIterator[LightViewer]:
    async with LightViewer(server) as connected:
        await wait_until(lambda: server.stats().packets_sent > 10)
        yield connected


def picture_loss(ssrc: int) -> bytes:
    return struct.pack("!BBHII", 0x81, 206, 2, 1, ssrc)


async def test_a_handshake_from_another_address_does_not_take_the_place_of_the_viewers(
    server: MediaServer,
) -> None:
    """CVE-2023-51443: the first ClientHello won, whoever had sent it."""
    viewer, thief = LightViewer(server), LightViewer(server)
    await viewer.offer()
    await viewer.check()
    hello = thief.hello()
    for _ in range(3):
        thief.socket.send(hello)
    await wait_until(lambda: server.mux.stats.unknown_address == 3)
    await viewer.handshake()
    await asyncio.wait_for(viewer.handler.connected.wait(), 5)
    with pytest.raises(BlockingIOError):
        thief.socket.recv(2048)
    viewer.leave()
    thief.leave()


async def test_genuine_control_packets_count_from_the_viewers_address_only(
    server: MediaServer, player: Player, viewer: LightViewer
) -> None:
    packet = viewer.control_session().protect_rtcp(picture_loss(viewer.ssrc))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(packet, (own_address(), server.port))
        stranger.sendto(b"\x80\x60" + os.urandom(60), (own_address(), server.port))
    await wait_until(lambda: server.mux.stats.unknown_address == 2)
    requests = player.key_frame_requests
    viewer.socket.send(packet)
    await wait_until(lambda: player.key_frame_requests == requests + 1)
    assert server.stats().malformed_packets == 0


async def test_a_check_with_another_password_moves_no_media(
    server: MediaServer, viewer: LightViewer
) -> None:
    """The user name goes over the network in clear; the password does not."""
    selected = viewer.connection._ice.selected
    own = viewer.socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as viewer.socket:
        viewer.socket.connect(own.getpeername())
        viewer.socket.setblocking(False)
        answer = await viewer.check(password="x" * 24)
        assert answer.message_class == stun.Class.ERROR
        assert answer.attributes["ERROR-CODE"][0] == 401
    viewer.socket = own
    assert viewer.connection._ice.selected == selected


MALFORMED_CONTROL: dict[str, Callable[[LightViewer], bytes]] = {
    "padding longer than the packet": lambda v: struct.pack("!BBHII", 0xA1, 206, 2, 1, 0xFF),
    "padding of no bytes": lambda v: struct.pack("!BBHII", 0xA1, 206, 2, 1, 0),
    "a length beyond the datagram": lambda v: struct.pack("!BBHII", 0x81, 206, 9, 1, v.ssrc),
    "feedback without its header": lambda v: struct.pack("!BBHI", 0x81, 205, 1, 1),
    "reports that are announced and absent": lambda v: struct.pack("!BBHI", 0x9F, 201, 1, 1),
    "a FIR that ends early": lambda v: struct.pack("!BBHIII", 0x84, 206, 3, 1, 0, v.ssrc),
    "a REMB that ends early": lambda v: struct.pack("!BBHII4s", 0x8F, 206, 3, 1, 0, b"REMB"),
    "transport feedback on 65,535 packets that it lacks": lambda v: struct.pack(
        "!BBHIIHHI", 0x8F, 205, 4, 1, v.ssrc, 0, 0xFFFF, 0
    ),
    "another version behind a good packet": lambda v: (
        picture_loss(v.ssrc) + struct.pack("!BBHII", 0x41, 206, 2, 1, v.ssrc)
    ),
}


@pytest.mark.parametrize("build", MALFORMED_CONTROL.values(), ids=MALFORMED_CONTROL.keys())
async def test_a_malformed_control_packet_of_a_viewer_is_counted_and_changes_nothing(
    server: MediaServer,
    player: Player,
    viewer: LightViewer,
    build: Callable[[LightViewer], bytes],
) -> None:
    """Compare aiortc#129: what a peer may send is not always well formed."""
    requests = player.key_frame_requests
    viewer.socket.send(viewer.control_session().protect_rtcp(build(viewer)))
    await wait_until(lambda: server.stats().malformed_packets == 1)
    assert player.key_frame_requests == requests
    sent = server.stats().packets_sent
    await wait_until(lambda: server.stats().packets_sent > sent + 10)
    assert server.mux.stats.endpoint_errors == 0


async def test_media_of_a_viewer_is_counted_and_changes_nothing(
    server: MediaServer, viewer: LightViewer
) -> None:
    """Empty RTX, padding of all sizes: viewers have no media to send, so none of it is read."""
    session = viewer.control_session()
    header = struct.pack("!BBHII", 0x80, 97, 1, 1, viewer.rtx_ssrc)
    padded = struct.pack("!BBHII", 0xA0, 97, 2, 1, viewer.rtx_ssrc) + b"\xff"
    packets = [session.protect(header), session.protect(padded), b"\x80", b"\xbf\x61", b"\x80\xe1"]
    for packet in packets:
        viewer.socket.send(packet)
    await wait_until(lambda: server.stats().malformed_packets == len(packets))
    assert server.mux.stats.endpoint_errors == 0
    assert server.stats().connected_viewers == 1


async def test_packets_that_were_never_sent_are_not_sent_again(
    server: MediaServer, viewer: LightViewer
) -> None:
    every_packet = b"".join(
        struct.pack("!HH", sequence, 0xFFFF) for sequence in range(0, 65_536, 17)
    )
    session = viewer.control_session()
    for start in range(0, len(every_packet), 1000):
        items = every_packet[start : start + 1000]
        header = struct.pack("!BBHII", 0x81, 205, 2 + len(items) // 4, 1, viewer.ssrc)
        viewer.socket.send(session.protect_rtcp(header + items))
    await wait_until(lambda: server.stats().nacked_packets > 60_000)
    stats = server.stats()
    assert stats.retransmitted_packets <= stats.packets_sent
    assert stats.retransmitted_packets <= 2 * 1024
    assert stats.connected_viewers == 1


async def test_a_handshake_ends_at_once_when_datagrams_come_in_the_meantime() -> None:
    """Up to Python 3.11 a cancellation that meets a datagram is lost within aiortc."""
    server = MediaServer(
        addresses=["127.0.0.1"], port_min=50_300, port_max=50_399, fanout=Player(()).fanout
    )
    await server.start()
    try:
        hello = LightViewer(server).hello()
        association = DtlsServer(
            certificate=server.certificate,
            fingerprints=(("sha-256", ":".join(["AB"] * 32)),),
            send=lambda datagram: None,
            on_closed=lambda: None,
        )
        handshake = asyncio.create_task(association.handshake(server.buffer))
        for datagram in (hello, hello):
            association.handle_datagram(datagram)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        handshake.cancel()
        done, _ = await asyncio.wait([handshake], timeout=2)
        assert done
        await association.close()
    finally:
        await server.close()


async def test_addresses_in_an_offer_are_never_probed(server: MediaServer, player: Player) -> None:
    inside = "10.96.0.1"
    assert inside in offer()
    with contextlib.ExitStack() as stack:
        listeners = []
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            listener = stack.enter_context(socket.socket(socket.AF_INET, kind))
            listener.bind(("127.0.0.2", 0))
            listener.setblocking(False)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            listeners.append(listener)
        udp_port, tcp_port = (listener.getsockname()[1] for listener in listeners)
        candidates = [
            f"a=candidate:1 1 udp 2113937151 127.0.0.2 {udp_port} typ host",
            f"a=candidate:2 1 tcp 1518280447 127.0.0.2 {tcp_port} typ host tcptype passive",
            "a=candidate:3 1 udp 2113937151 169.254.169.254 80 typ host",
            "a=candidate:4 1 udp 2113937151 cluster-inside.local 5000 typ host",
        ]
        wire = stack.enter_context(_wire())
        viewer = LightViewer(server)
        accept = server.accept

        async def with_candidates(sdp: str, handler: Handler) -> object:
            video = sdp.index("m=video")
            lines = "".join(f"{line}\r\n" for line in candidates)
            return await accept(sdp[:video] + lines + sdp[video:], handler)

        server.accept = with_candidates  # type: ignore[assignment, method-assign]
        async with viewer:
            assert viewer.accepted is not None
            server.apply_fragment(
                viewer.accepted.viewer_id,
                "\r\n".join(["a=ice-ufrag:Uf/r", *candidates, ""]),
            )
            await wait_until(lambda: server.stats().packets_sent > 200)
        with pytest.raises(BlockingIOError):
            listeners[0].recvfrom(2048)
        with pytest.raises(BlockingIOError):
            listeners[1].accept()
        seen = _destinations(wire)
    assert own_address() in {address for address, _ in seen}
    assert not {address for address, _ in seen} & {inside, "169.254.169.254", "127.0.0.2"}
    assert 5353 not in {port for _, port in seen}


async def test_an_address_of_another_viewer_is_not_taken_over(server: MediaServer) -> None:
    """Who holds one answer cannot get the address of another viewer: its media would go astray."""
    async with AiortcViewer(server) as victim:
        await victim.wait_for_frames(5)
        assert victim.accepted is not None
        path = server._connections[victim.accepted.viewer_id]._ice.selected
        assert path is not None
        thief = LightViewer(server)
        await thief.offer()
        assert not server.mux.validate(path, thief.connection, time.monotonic())
        frames = victim.frames
        await victim.wait_for_frames(frames + 30)
        thief.leave()


def _wire() -> socket.socket:
    """All packets of this machine, in and out; only root may see them."""
    try:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    except PermissionError:
        pytest.skip("seeing all packets of the machine needs CAP_NET_RAW")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
    wire.setblocking(False)
    return wire


def _destinations(wire: socket.socket) -> set[tuple[str, int]]:
    """Address and port of each IPv4 packet that was seen (RFC 791 - 3.1)."""
    seen: set[tuple[str, int]] = set()
    while True:
        try:
            packet = wire.recv(64)
        except BlockingIOError:
            return seen
        if len(packet) >= 24 and packet[0] >> 4 == 4:
            transport = (packet[0] & 0x0F) * 4
            (port,) = struct.unpack_from("!H", packet, transport + 2)
            seen.add((socket.inet_ntoa(packet[16:20]), port))
