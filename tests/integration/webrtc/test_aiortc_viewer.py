"""Stock aiortc peer connections as viewers of one media server."""

import asyncio

import pytest

from cloudphone_protocol.channel import MAX_MESSAGE_BYTES
from cloudphone_streamer.webrtc.errors import MalformedFragment, UnknownViewer
from cloudphone_streamer.webrtc.server import MediaServer
from cloudphone_streamer.webrtc.udp_socket import UdpSocket
from tests.integration.webrtc.clip import FRAMES_PER_S, Player
from tests.integration.webrtc.loss import LossyNetwork
from tests.integration.webrtc.viewer import AiortcViewer, wait_until


async def test_two_viewers_share_one_port_and_one_packetization(
    server: MediaServer, player: Player
) -> None:
    async with AiortcViewer(server) as first, AiortcViewer(server, channels=False) as second:
        await first.wait_for_frames(FRAMES_PER_S)
        await second.wait_for_frames(FRAMES_PER_S)
        stats = server.stats()
        assert stats.viewers == stats.connected_viewers == 2
        assert all(viewer.packets_sent > FRAMES_PER_S for viewer in stats.per_viewer)
        assert stats.packets_sent > player.fanout.stats.packets
    await wait_until(lambda: server.stats().viewers == 0)
    assert first.handler.reason == second.handler.reason == "ClosedByViewer"


async def test_a_viewer_that_joins_within_a_gop_sees_it_at_once(
    server: MediaServer, player: Player
) -> None:
    await asyncio.sleep(0.7)
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(10, timeout_s=2)
        assert player.key_frame_requests == 0
        assert server.stats().packets_skipped == 0


async def test_messages_go_both_ways_on_both_channels(server: MediaServer) -> None:
    async with AiortcViewer(server) as viewer:
        assert viewer.control is not None
        assert viewer.moves is not None
        await viewer.wait_for_channels()
        assert viewer.handler.send is not None
        long = "x" * 20_000
        viewer.handler.send("state")
        viewer.handler.send(long)
        viewer.control.send("touch")
        viewer.control.send(b"\x00\x01")
        viewer.moves.send("move")
        await wait_until(lambda: len(viewer.received) == 2 and len(viewer.handler.messages) == 3)
        assert viewer.received == ["state", long]
        assert sorted(viewer.handler.messages, key=repr) == [
            ("control", "touch"),
            ("control", b"\x00\x01"),
            ("moves", "move"),
        ]


async def test_a_message_that_is_too_long_is_dropped(server: MediaServer) -> None:
    async with AiortcViewer(server) as viewer:
        assert viewer.control is not None
        await viewer.wait_for_channels()
        # A client that ignores the answer's a=max-message-size.
        assert viewer.peer.sctp is not None
        viewer.peer.sctp._remote_max_message_size = 0
        viewer.control.send("y" * (MAX_MESSAGE_BYTES + 1))
        viewer.control.send("after")
        await wait_until(lambda: bool(viewer.handler.messages))
        assert viewer.handler.messages == [("control", "after")]
        assert server.stats().messages_dropped == 1


async def test_a_picture_loss_indication_reaches_the_capture(
    server: MediaServer, player: Player
) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(5)
        receiver = viewer.peer.getTransceivers()[0].receiver
        ssrc = next(iter(vars(receiver)["_RTCRtpReceiver__active_ssrc"]))
        await receiver._send_rtcp_pli(ssrc)
        await wait_until(lambda: player.key_frame_requests == 1)
        assert server.stats().per_viewer[0].key_frame_requests == 1


async def test_five_percent_loss_is_mended_by_retransmission(
    server: MediaServer, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = LossyNetwork(0.05)
    monkeypatch.setattr(UdpSocket, "send_segments", network.send_segments)
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(1)
        await asyncio.sleep(5)
        stats = server.stats().per_viewer[0]
        assert network.lost > 30
        assert stats.retransmitted_packets > 0.8 * network.lost
        assert viewer.frames > 0.9 * 5 * FRAMES_PER_S
        assert stats.fraction_lost > 0


async def test_a_viewer_with_the_wrong_certificate_gets_nothing(server: MediaServer) -> None:
    viewer = AiortcViewer(server)
    accept = server.accept

    async def with_another_fingerprint(offer: str, *arguments: object) -> object:
        lines = [
            line[:-2] + ("00" if not line.endswith("00") else "01")
            if line.startswith("a=fingerprint:")
            else line
            for line in offer.split("\r\n")
        ]
        return await accept("\r\n".join(lines), *arguments)  # type: ignore[arg-type]

    server.accept = with_another_fingerprint  # type: ignore[assignment, method-assign]
    async with viewer:
        await asyncio.wait_for(viewer.handler.closed.wait(), 5)
        assert viewer.handler.reason == "HandshakeFailed"
        assert not viewer.handler.connected.is_set()
        assert server.stats().packets_sent == 0


async def test_the_server_ends_one_viewer_and_the_others_go_on(server: MediaServer) -> None:
    async with AiortcViewer(server) as first, AiortcViewer(server) as second:
        await first.wait_for_channels()
        await second.wait_for_frames(1)
        assert first.accepted is not None
        assert first.handler.send is not None
        first.handler.send("goodbye")
        await asyncio.wait_for(server.close_viewer(first.accepted.viewer_id, "Revoked"), 2)
        assert first.handler.reason == "Revoked"
        assert first.handler.closed_count == 1
        assert first.received == ["goodbye"]
        frames = second.frames
        await second.wait_for_frames(frames + 30)
        with pytest.raises(UnknownViewer, match="no viewer has this id"):
            await server.close_viewer(first.accepted.viewer_id, "Revoked")


async def test_trickled_candidates_change_nothing(server: MediaServer) -> None:
    async with AiortcViewer(server) as viewer:
        assert viewer.accepted is not None
        viewer_id = viewer.accepted.viewer_id
        offer = viewer.peer.localDescription.sdp
        own = next(line for line in offer.splitlines() if line.startswith("a=ice-ufrag:"))
        assert server.apply_fragment(viewer_id, f"{own}\r\na=candidate:x\r\n") is None
        with pytest.raises(MalformedFragment, match="a=ice-pwd is absent"):
            server.apply_fragment(viewer_id, "a=ice-ufrag:other\r\n")
        await viewer.wait_for_frames(10)


async def test_a_restarted_source_goes_on_for_connected_viewers(
    server: MediaServer, player: Player
) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(30)
        player.restart()
        frames = viewer.frames
        await viewer.wait_for_frames(frames + 60, timeout_s=5)
        assert server.stats().viewers == 1
