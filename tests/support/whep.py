"""A WHEP viewer that nobody here wrote: stock aiortc's peer connection, for tests and benchmarks."""

from types import TracebackType
from typing import Self

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame


class WhepRefused(Exception):
    """The server's answer was no 201; the text has status and body."""


class WhepViewer:
    """
    Watches one session.

    Args:
        url: The WHEP endpoint.
        ticket: Bearer token.
    """

    def __init__(self, url: str, ticket: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {ticket}"}
        self._http = aiohttp.ClientSession()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.control = self._peer.createDataChannel("control")
        self._track: MediaStreamTrack | None = None
        self._resource: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """
        Offer, and take the answer.

        Raises:
            WhepRefused: If the server refuses the offer.
        """
        self._peer.addTransceiver("video", direction="recvonly")
        self._peer.on("track", self._take_track)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        async with self._http.post(
            self._url,
            data=self._peer.localDescription.sdp,
            headers={**self._headers, "Content-Type": "application/sdp"},
        ) as response:
            answer = await response.text()
            if response.status != 201:
                raise WhepRefused(f"{response.status}: {answer}")
            self._resource = str(
                response.url.join(response.url.with_path(response.headers["Location"]))
            )
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    async def next_frame(self) -> VideoFrame:
        """Wait for the next decoded picture."""
        if self._track is None:
            raise MediaStreamError
        frame = await self._track.recv()
        assert isinstance(frame, VideoFrame)
        return frame

    async def close(self) -> None:
        """Leave: DELETE the resource, end the peer connection."""
        if self._resource is not None:
            async with self._http.delete(self._resource, headers=self._headers):
                self._resource = None
        await self._peer.close()
        await self._http.close()

    def _take_track(self, track: MediaStreamTrack) -> None:
        self._track = track
