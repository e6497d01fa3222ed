"""Viewers that stop talking are noticed, at each stage of their connection."""

import asyncio

import pytest

from cloudphone_streamer.webrtc import connection, dtls
from cloudphone_streamer.webrtc.server import MediaServer
from tests.integration.webrtc.viewer import AiortcViewer, Handler


async def offer_of(server: MediaServer) -> str:
    viewer = AiortcViewer(server)
    viewer.peer.addTransceiver("video", direction="recvonly")
    await viewer.peer.setLocalDescription(await viewer.peer.createOffer())
    offer = viewer.peer.localDescription.sdp
    await viewer.close()
    return offer


async def test_an_offer_whose_viewer_never_comes_is_forgotten(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.5)
    handler = Handler()
    await server.accept(await offer_of(server), handler)
    await asyncio.wait_for(handler.closed.wait(), 5)
    assert handler.reason == "ConnectTimeout"
    assert server.stats().viewers == 0


async def test_a_viewer_that_checks_but_begins_no_handshake_is_ended(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtls, "HANDSHAKE_TIMEOUT_S", 0.5)
    viewer = AiortcViewer(server)

    async def silence(*_: object) -> None:
        return

    with monkeypatch.context() as patch:
        patch.setattr("aiortc.rtcdtlstransport.RTCDtlsTransport._write_ssl", silence)
        await viewer.connect()
        await asyncio.wait_for(viewer.handler.closed.wait(), 5)
    await viewer.close()
    assert viewer.handler.reason == "HandshakeFailed"
    assert not viewer.handler.connected.is_set()


async def test_a_viewer_whose_checks_stop_is_ended(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AiortcViewer(server) as viewer:
        await viewer.wait_for_frames(5)
        # aiortc checks about every five seconds.
        monkeypatch.setattr(connection, "CONSENT_TIMEOUT_S", 0.5)
        await asyncio.wait_for(viewer.handler.closed.wait(), 5)
        assert viewer.handler.reason == "ConsentExpired"
        assert server.stats().packets_sent > 0
