"""
The media server of a process: one port, UDP and TCP, and all viewers on it.

`app` starts one; `signaling` hands it offers. See `connection` for the life of a viewer.
"""

import asyncio
import contextlib
import hashlib
import ipaddress
import logging
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.rtp.fanout import CATCH_UP_INTERVAL_S, VideoFanout
from cloudphone_streamer.rtp.sender import VideoParameters
from cloudphone_streamer.webrtc.answer import LocalTransport, build_answer
from cloudphone_streamer.webrtc.connection import ViewerConnection
from cloudphone_streamer.webrtc.dtls import ProcessCertificate, fingerprint_of
from cloudphone_streamer.webrtc.errors import InvalidAddress, UnknownViewer
from cloudphone_streamer.webrtc.fragment import build_fragment, restart_of
from cloudphone_streamer.webrtc.handler import ViewerHandler
from cloudphone_streamer.webrtc.ice_lite import Credentials
from cloudphone_streamer.webrtc.media_port import MediaPort
from cloudphone_streamer.webrtc.mux import Mux
from cloudphone_streamer.webrtc.offer import Offer, parse_offer
from cloudphone_streamer.webrtc.srtp import PacketBuffer
from cloudphone_streamer.webrtc.stats import ServerStats, ViewerStats

logger = logging.getLogger(__name__)

_TICK_S = 1.0
_CLOSE_TIMEOUT_S = 2.0
_VIEWER_ID_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedViewer:
    """
    A viewer that was answered.

    Args:
        viewer_id: Unguessable (192 bits): who knows it may close the viewer.
        answer_sdp: Session description of type answer.
        etag: Names this ICE session (draft-ietf-wish-whep - 4.3).
    """

    viewer_id: str
    answer_sdp: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartedIce:
    """
    An ICE session that a viewer has begun anew.

    Args:
        fragment: Our part, of type application/trickle-ice-sdpfrag.
        etag: Names the new ICE session.
    """

    fragment: str
    etag: str


class MediaServer:
    """
    All viewers of one phone.

    Args:
        addresses: IP addresses that viewers reach this process at, the preferred first.
        port_min: First port that may be used.
        port_max: Last one; the first that is free is taken.
        fanout: The phone's pictures.

    Raises:
        InvalidAddress: If an address is no IP address, or there is none.
    """

    def __init__(
        self, *, addresses: Sequence[str], port_min: int, port_max: int, fanout: VideoFanout
    ) -> None:
        self.fanout = fanout
        self.mux = Mux()
        self.buffer = PacketBuffer()
        self.certificate = ProcessCertificate.generateCertificate()
        self._addresses = _checked_addresses(addresses)
        self._ports = range(port_min, port_max + 1)
        self._media_port = MediaPort(self.mux, self._addresses)
        self._connections: dict[str, ViewerConnection] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._catch_up: asyncio.TimerHandle | None = None
        self._gone = _Totals()

    @property
    def port(self) -> int:
        """The port that is open; 0 before `start`."""
        return self._media_port.number

    async def start(self) -> None:
        """
        Bind the port.

        Raises:
            PortBusy: If no port of the range is free.
        """
        await self._media_port.open(self._ports)
        self._ticker = asyncio.create_task(self._run_ticker(), name="viewer-ticker")
        logger.info("media on port %d at %s", self.port, ", ".join(self._addresses))

    async def accept(
        self,
        offer_sdp: str,
        handler: ViewerHandler,
        codecs: Sequence[VideoCodec] = (VideoCodec.H264,),
    ) -> AcceptedViewer:
        """
        Answer an offer; the viewer has CONNECT_TIMEOUT_S to come.

        Args:
            offer_sdp: Session description of type offer.
            handler: Hears of this viewer; not called if this raises.
            codecs: Those that this viewer may get, the preferred one first.
        Raises:
            MalformedOffer: If the SDP cannot be answered.
            NoCommonCodec: If it has no codec that is served here.
        """
        offer = parse_offer(offer_sdp, codecs)
        viewer_id = secrets.token_urlsafe(_VIEWER_ID_BYTES)
        credentials = Credentials.generate()
        parameters = _video_parameters(offer)
        answer = build_answer(
            offer,
            self._transport(credentials),
            parameters,
        )
        self._connections[viewer_id] = ViewerConnection(
            viewer_id=viewer_id,
            offer=offer,
            credentials=credentials,
            parameters=parameters,
            handler=handler,
            owner=self,
        )
        return AcceptedViewer(viewer_id=viewer_id, answer_sdp=answer, etag=_etag(credentials))

    def apply_fragment(self, viewer_id: str, text: str) -> RestartedIce | None:
        """
        Take a trickle ICE fragment.

        Candidates are not needed by a lite agent. Another user fragment than the viewer's latest is
        an ICE restart: it may come by other paths, and all else goes on.

        Args:
            viewer_id: Whose.
            text: Body of type application/trickle-ice-sdpfrag.
        Returns:
            Our part of a restart; None where it was none.
        Raises:
            UnknownViewer: If there is no such viewer.
            MalformedFragment: If it cannot be read.
        """
        connection = self._find(viewer_id)
        remote = restart_of(text, connection.remote.user_fragment)
        if remote is None:
            return None
        local = Credentials.generate()
        connection.restart_ice(local=local, remote=remote)
        fragment = build_fragment(connection.offer, self._transport(local))
        return RestartedIce(fragment=fragment, etag=_etag(local))

    async def close_viewer(self, viewer_id: str, reason: str) -> None:
        """
        End one viewer; returns when it is gone, after a second at most.

        Raises:
            UnknownViewer: If there is no such viewer.
        """
        self.end(self._find(viewer_id), reason)
        closing = self._closing[viewer_id]
        await asyncio.wait([closing])

    async def close(self) -> None:
        """End all viewers and release the port, within two seconds."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        for connection in list(self._connections.values()):
            self.end(connection, "ServerClosing")
        closing = list(self._closing.values())
        if closing:
            _, late = await asyncio.wait(closing, timeout=_CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()
        if self._catch_up is not None:
            self._catch_up.cancel()
            self._catch_up = None
        self.fanout.close()
        self._media_port.close()

    def stats(self) -> ServerStats:
        """Count everything."""
        per_viewer = tuple(connection.stats() for connection in self._connections.values())
        totals = self._gone.plus(per_viewer)
        return ServerStats(
            viewers=len(self._connections) - len(self._closing),
            connected_viewers=sum(viewer.is_connected for viewer in per_viewer),
            packets_sent=totals.packets_sent,
            bytes_sent=totals.bytes_sent,
            packets_skipped=totals.packets_skipped,
            nacked_packets=totals.nacked_packets,
            retransmitted_packets=totals.retransmitted_packets,
            viewers_by_rung=Counter(v.rung for v in per_viewer if v.is_connected),
            rung_changes=self.fanout.stats.rung_changes,
            key_frame_requests=self.fanout.stats.key_frame_requests,
            malformed_packets=totals.malformed_packets,
            messages_dropped=totals.messages_dropped,
            datagrams_received=self.mux.stats.received,
            datagrams_dropped=self.mux.stats.dropped,
            sends_blocked=self._media_port.blocked_sends,
            sends_failed=self._media_port.failed_sends,
            per_viewer=per_viewer,
        )

    # From connections.

    def on_backlog(self) -> None:
        """A viewer has a backlog: send a part of it every few milliseconds until there is none."""
        if self._catch_up is None:
            self._catch_up = asyncio.get_running_loop().call_later(
                CATCH_UP_INTERVAL_S, self._send_backlogs
            )

    def end(self, connection: ViewerConnection, reason: str) -> None:
        """Close a connection soon; doing so again changes nothing."""
        if connection.viewer_id in self._closing:
            return
        task = asyncio.create_task(self._close(connection, reason), name="viewer-close")
        self._closing[connection.viewer_id] = task

    async def _close(self, connection: ViewerConnection, reason: str) -> None:
        try:
            await connection.close(reason)
        finally:
            self._gone = self._gone.plus((connection.stats(),))
            del self._connections[connection.viewer_id]
            del self._closing[connection.viewer_id]
        logger.info("viewer %s is gone: %s", connection.viewer_id[:6], reason)

    def _send_backlogs(self) -> None:
        self._catch_up = None
        if self.fanout.catch_up():
            self.on_backlog()

    async def _run_ticker(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            # In a call of its own: a variable here would hold the last viewer while this sleeps.
            self._tick()

    def _tick(self) -> None:
        now_s = time.monotonic()
        try:
            self.fanout.adapt(now_s)
        except Exception:
            logger.exception("viewers were not moved between rungs")
        for connection in list(self._connections.values()):
            try:
                connection.tick(now_s)
            except Exception:
                logger.exception("tick of viewer %s", connection.viewer_id[:6])

    def _transport(self, credentials: Credentials) -> LocalTransport:
        return LocalTransport(
            credentials=credentials,
            fingerprint=fingerprint_of(self.certificate),
            addresses=self._addresses,
            port=self.port,
        )

    def _find(self, viewer_id: str) -> ViewerConnection:
        connection = self._connections.get(viewer_id)
        if connection is None or viewer_id in self._closing:
            raise UnknownViewer("no viewer has this id; it may have left")
        return connection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Totals:
    """Counts of viewers that are gone."""

    packets_sent: int = 0
    bytes_sent: int = 0
    packets_skipped: int = 0
    nacked_packets: int = 0
    retransmitted_packets: int = 0
    malformed_packets: int = 0
    messages_dropped: int = 0

    def plus(self, viewers: Sequence[ViewerStats]) -> "_Totals":
        return _Totals(
            packets_sent=self.packets_sent + sum(v.packets_sent for v in viewers),
            bytes_sent=self.bytes_sent + sum(v.bytes_sent for v in viewers),
            packets_skipped=self.packets_skipped + sum(v.packets_skipped for v in viewers),
            nacked_packets=self.nacked_packets + sum(v.nacked_packets for v in viewers),
            retransmitted_packets=self.retransmitted_packets
            + sum(v.retransmitted_packets for v in viewers),
            malformed_packets=self.malformed_packets + sum(v.malformed_packets for v in viewers),
            messages_dropped=self.messages_dropped + sum(v.messages_dropped for v in viewers),
        )


def _etag(credentials: Credentials) -> str:
    digest = hashlib.sha256(credentials.user_fragment.encode()).hexdigest()
    return f'"{digest[:16]}"'


def _checked_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    if not addresses:
        raise InvalidAddress("there is no candidate address; expected at least one IP address")
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise InvalidAddress(
                f"candidate address is {address!r}; expected an IP address"
            ) from None
    return tuple(addresses)


def _video_parameters(offer: Offer) -> VideoParameters:
    # RFC 3550 - 8: SSRCs are random; 0 is avoided, since it stands for none in feedback.
    ssrc = 1 + secrets.randbelow(0xFFFF_FFFE)
    rtx_ssrc = 1 + secrets.randbelow(0xFFFF_FFFE)
    while rtx_ssrc == ssrc:
        rtx_ssrc = 1 + secrets.randbelow(0xFFFF_FFFE)
    return VideoParameters(
        mid=offer.video_mid,
        payload_type=offer.video.payload_type,
        rtx_payload_type=offer.video.rtx_payload_type,
        extensions=offer.video.extensions,
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc,
        cname=secrets.token_urlsafe(12),
        codec=offer.video.codec,
    )
