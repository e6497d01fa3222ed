"""`python -m bench.senders.stock_aiortc`: aiortc as it is, each picture queued to every viewer."""

import argparse
import asyncio
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from bench import clip
from bench.senders.serving import serve_offers, until_told_to_end

_QUEUED_PICTURES = 60
"""A viewer that falls behind by more loses the oldest, as a service would see to it."""


_Packet: TypeAlias = "av.Packet[Any]"


class _ClipTrack(MediaStreamTrack):
    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.pictures: asyncio.Queue[_Packet] = asyncio.Queue(_QUEUED_PICTURES)

    def put(self, packet: _Packet) -> None:
        if self.pictures.full():
            self.pictures.get_nowait()
        self.pictures.put_nowait(packet)

    async def recv(self) -> _Packet:
        return await self.pictures.get()


async def _run(path: Path) -> None:
    tracks: list[_ClipTrack] = []
    connections: list[RTCPeerConnection] = []
    h264 = [
        codec
        for codec in RTCRtpSender.getCapabilities("video").codecs
        if codec.mimeType in {"video/H264", "video/rtx"}
    ]

    async def answer(request: web.Request) -> web.Response:
        # Without a list of its own aiortc asks a public STUN server.
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connections.append(connection)
        track = _ClipTrack()
        connection.addTransceiver(track, direction="sendonly").setCodecPreferences(h264)
        connection.on(
            "connectionstatechange",
            lambda: tracks.append(track) if connection.connectionState == "connected" else None,
        )
        offer = RTCSessionDescription(sdp=await request.text(), type="offer")
        await connection.setRemoteDescription(offer)
        await connection.setLocalDescription(await connection.createAnswer())
        return web.Response(text=connection.localDescription.sdp)

    async with serve_offers(answer):
        playing = asyncio.create_task(_play(clip.read(path), tracks))
        await until_told_to_end()
        playing.cancel()
    await asyncio.gather(*(connection.close() for connection in connections))


async def _play(units: list[bytes], tracks: list[_ClipTrack]) -> None:
    started_s = time.monotonic()
    number = 0
    while True:
        packet = av.Packet(clip.stamped(units[number % len(units)]))
        packet.pts = number
        packet.time_base = Fraction(1, clip.FRAMES_PER_S)
        for track in tracks:
            track.put(packet)
        number += 1
        await asyncio.sleep(max(0.0, started_s + number / clip.FRAMES_PER_S - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    # aiortc gathers all addresses of the machine; the viewers offer one.
    parser.add_argument("--address")
    asyncio.run(_run(parser.parse_args().clip))


if __name__ == "__main__":
    main()
