"""Stock aiortc as a viewer, and a handler that writes down what it hears."""

import asyncio
import time
from collections.abc import Callable
from typing import Self

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.webrtc.server import AcceptedViewer, MediaServer


class Handler:
    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.channel_open = asyncio.Event()
        self.reason: str | None = None
        self.closed_count = 0
        self.messages: list[tuple[str, str | bytes]] = []
        self.send: Callable[[str], None] | None = None

    def on_connected(self) -> None:
        self.connected.set()

    def on_channel_open(self, send: Callable[[str], None]) -> None:
        self.send = send
        self.channel_open.set()

    def on_message(self, channel: str, data: str | bytes) -> None:
        self.messages.append((channel, data))

    def on_closed(self, reason: str) -> None:
        self.closed_count += 1
        self.reason = reason
        self.closed.set()


class AiortcViewer:
    def __init__(
        self,
        server: MediaServer,
        *,
        channels: bool = True,
        codec: VideoCodec = VideoCodec.H264,
    ) -> None:
        self.server = server
        self.handler = Handler()
        self.accepted: AcceptedViewer | None = None
        self.frames = 0
        self.frame_times_s: list[float] = []
        self.received: list[str | bytes] = []
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.control: RTCDataChannel | None = None
        self.moves: RTCDataChannel | None = None
        self._channels = channels
        self._codec = codec
        self.sizes: set[tuple[int, int]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        video = self.peer.addTransceiver("video", direction="recvonly")
        if self._codec is not VideoCodec.H264:
            capabilities = RTCRtpReceiver.getCapabilities("video")
            assert capabilities is not None
            wanted = {f"video/{self._codec}", "video/rtx"}
            video.setCodecPreferences([c for c in capabilities.codecs if c.mimeType in wanted])
        if self._channels:
            self.control = self.peer.createDataChannel("control")
            self.moves = self.peer.createDataChannel("moves", ordered=False, maxRetransmits=0)
            self.control.on("message", self.received.append)
        self.peer.on(
            "track", lambda track: self._tasks.append(asyncio.create_task(self._read(track)))
        )
        await self.peer.setLocalDescription(await self.peer.createOffer())
        self.accepted = await self.server.accept(
            self.peer.localDescription.sdp, self.handler, [self._codec]
        )
        await self.peer.setRemoteDescription(
            RTCSessionDescription(type="answer", sdp=self.accepted.answer_sdp)
        )

    async def close(self) -> None:
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def wait_for_frames(self, count: int, timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s):
            while self.frames < count:
                await asyncio.sleep(0.01)

    async def wait_for_channels(self) -> None:
        """Both sides know that the channels are open."""
        channels = [channel for channel in (self.control, self.moves) if channel is not None]
        await asyncio.wait_for(self.handler.channel_open.wait(), 5)
        await wait_until(lambda: all(channel.readyState == "open" for channel in channels))

    async def _read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, VideoFrame)
                self.sizes.add((frame.width, frame.height))
                self.frames += 1
                self.frame_times_s.append(time.monotonic())
        except MediaStreamError:
            pass


async def wait_until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)
