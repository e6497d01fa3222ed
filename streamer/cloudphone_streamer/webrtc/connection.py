"""
One viewer's connection: ICE first, then DTLS, then video and data channels.

`server` makes one for each accepted offer; the mux feeds it datagrams. Nothing is set up for a
viewer that has not proved by a valid check that it holds the answer: an abandoned offer costs a
few hundred bytes for a while.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from cloudphone_streamer.rtp.errors import MalformedRtcp
from cloudphone_streamer.rtp.fanout import VideoFanout
from cloudphone_streamer.rtp.rtcp import is_rtcp, parse_feedback
from cloudphone_streamer.rtp.sender import SenderStats, VideoParameters, VideoSender
from cloudphone_streamer.webrtc.answer import SCTP_PORT
from cloudphone_streamer.webrtc.dtls import DtlsServer, HandshakeFailed, ProcessCertificate
from cloudphone_streamer.webrtc.handler import ViewerHandler
from cloudphone_streamer.webrtc.ice_lite import CONSENT_TIMEOUT_S, Credentials, IceLite
from cloudphone_streamer.webrtc.mux import Mux, Path
from cloudphone_streamer.webrtc.offer import Offer
from cloudphone_streamer.webrtc.sctp import DataChannels
from cloudphone_streamer.webrtc.srtp import PacketBuffer, SrtpError, SrtpSession
from cloudphone_streamer.webrtc.stats import ViewerStats

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 30.0
"""From the answer to the first valid check."""

_FLUSH_TIMEOUT_S = 0.5
"""What a last message to the viewer may take."""


class CloseReason(StrEnum):
    """Why a connection ended, where nobody here asked for it."""

    CONNECT_TIMEOUT = "ConnectTimeout"
    HANDSHAKE_FAILED = "HandshakeFailed"
    CONSENT_EXPIRED = "ConsentExpired"
    CLOSED_BY_VIEWER = "ClosedByViewer"
    DATA_CHANNEL_ERROR = "DataChannelError"
    INTERNAL_ERROR = "InternalError"


class Owner(Protocol):
    """What a connection needs of its server."""

    mux: Mux
    buffer: PacketBuffer
    certificate: ProcessCertificate
    fanout: VideoFanout

    def on_backlog(self) -> None:
        """A viewer has a backlog to be sent."""

    def end(self, connection: "ViewerConnection", reason: str) -> None:
        """Close this connection soon."""


class SrtpTransport:
    """
    Protects packets in the shared buffer and sends them on the path that the viewer chose.

    Args:
        srtp: Keys.
        buffer: Shared memory.
        ice: Knows the path.
        on_blocked: Called when the kernel had no room.
        on_failed: Called when packets can no longer be protected.
    """

    def __init__(
        self,
        *,
        srtp: SrtpSession,
        buffer: PacketBuffer,
        ice: IceLite[Path],
        on_blocked: Callable[[], None],
        on_failed: Callable[[], None],
    ) -> None:
        self.buffer = buffer.view
        self.trailer_bytes = srtp.tag_bytes
        self._srtp = srtp
        self._ice = ice
        self._on_blocked = on_blocked
        self._on_failed = on_failed

    def send_packets(self, count: int, packet_bytes: int, last_packet_bytes: int) -> int:
        """Protect and send packets that lie in `buffer`; see `rtp.transport`."""
        path = self._ice.selected
        if path is None:
            return count
        try:
            self._srtp.protect(count, packet_bytes, last_packet_bytes)
        except SrtpError:
            # It ends this viewer: the picture goes on to the others.
            logger.exception("packets of a viewer were not protected")
            self._on_failed()
            return count
        stride = packet_bytes + self.trailer_bytes
        total = (count - 1) * stride + last_packet_bytes + self.trailer_bytes
        taken = path.send_segments(self.buffer[:total], stride)
        if taken == total:
            return count
        self._on_blocked()
        return taken // stride

    def send_control(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet."""
        path = self._ice.selected
        if path is not None:
            path.send(self._srtp.protect_control(packet))


class ViewerConnection:
    """
    One viewer.

    Args:
        viewer_id: Unguessable name.
        offer: The viewer's offer, checked.
        credentials: Our ICE credentials in the answer.
        parameters: The video stream in the answer.
        handler: The application.
        owner: The server.
    """

    def __init__(
        self,
        *,
        viewer_id: str,
        offer: Offer,
        credentials: Credentials,
        parameters: VideoParameters,
        handler: ViewerHandler,
        owner: Owner,
    ) -> None:
        self.viewer_id = viewer_id
        self.offer = offer
        self.is_connected = False
        self._parameters = parameters
        self._handler = handler
        self._owner = owner
        self._ice: IceLite[Path] = IceLite(
            local=credentials,
            remote=offer.credentials,
            now_s=time.monotonic(),
        )
        self._dtls: DtlsServer | None = None
        self._srtp: SrtpSession | None = None
        self._sender: VideoSender | None = None
        self._channels: DataChannels | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._malformed_packets = 0
        self._is_closed = False
        owner.mux.register(credentials.user_fragment, self)

    # From the mux.

    def handle_stun(self, datagram: bytes, path: Path) -> None:
        """Answer a check; the first valid one begins the DTLS handshake."""
        if self._is_closed:
            return
        now_s = time.monotonic()
        host, port = path.address[:2]
        reply = self._ice.handle(datagram, path, (host, port), now_s)
        mux = self._owner.mux
        if reply.retired is not None:
            mux.release((reply.retired,), self)
        if reply.ended_user_fragment is not None:
            mux.unregister(reply.ended_user_fragment)
        if reply.validated is not None and not mux.validate(path, self, now_s):
            self._ice.forget(path)
            return
        if reply.response is not None:
            path.send(reply.response)
        if reply.own_check is not None:
            path.send(reply.own_check)
        if reply.validated is not None and self._connecting is None:
            # Made here: the first record often comes in the same turn of the event loop, before
            # the task has begun, and the viewer would repeat it only after a second.
            self._dtls = DtlsServer(
                certificate=self._owner.certificate,
                fingerprints=self.offer.fingerprints,
                send=self._send_datagram,
                on_closed=lambda: self._owner.end(self, CloseReason.CLOSED_BY_VIEWER),
            )
            self._connecting = asyncio.create_task(self._connect(self._dtls), name="viewer-connect")

    def handle_dtls(self, datagram: bytes) -> None:
        """Take a DTLS record."""
        if self._dtls is not None:
            self._dtls.handle_datagram(datagram)

    def handle_srtp(self, datagram: bytes) -> None:
        """Take RTCP; viewers send no media."""
        if self._srtp is None or self._sender is None or not is_rtcp(datagram):
            self._malformed_packets += 1
            return
        try:
            feedback = parse_feedback(self._srtp.unprotect_control(datagram))
        except (SrtpError, MalformedRtcp) as error:
            self._malformed_packets += 1
            logger.debug("RTCP of viewer %s: %s", self.viewer_id[:6], error)
            return
        if self._sender.handle_feedback(feedback, time.monotonic()):
            self._owner.fanout.on_key_frame_wanted(self._sender)

    def handle_path_lost(self, path: Path) -> None:
        """A TCP connection has ended; the viewer may come by another path."""
        self._ice.forget(path)

    # From the server.

    @property
    def remote(self) -> Credentials:
        """The viewer's ICE credentials, as it last gave them."""
        return self._ice.remote

    def restart_ice(self, *, local: Credentials, remote: Credentials) -> None:
        """
        Let the viewer come by other paths; media, DTLS and data channels go on.

        Args:
            local: Our new credentials.
            remote: The viewer's.
        """
        replaced = self._ice.restart(local=local, remote=remote)
        if replaced is not None:
            self._owner.mux.unregister(replaced)
        self._owner.mux.register(local.user_fragment, self)

    def tick(self, now_s: float) -> None:
        """Report to the viewer, and end it when it is silent; once a second."""
        silent_s = self._ice.silent_s(now_s)
        if self._connecting is None:
            if silent_s > CONNECT_TIMEOUT_S:
                self._owner.end(self, CloseReason.CONNECT_TIMEOUT)
        elif silent_s > CONSENT_TIMEOUT_S:
            self._owner.end(self, CloseReason.CONSENT_EXPIRED)
        elif self._sender is not None:
            self._sender.send_report(now_s)

    def stats(self) -> ViewerStats:
        """Counts of this viewer."""
        sent = self._sender.stats if self._sender is not None else SenderStats()
        return ViewerStats(
            viewer_id=self.viewer_id,
            is_connected=self.is_connected,
            packets_sent=sent.packets_sent,
            bytes_sent=sent.bytes_sent,
            packets_skipped=sent.packets_skipped,
            nacked_packets=sent.nacked_packets,
            retransmitted_packets=sent.retransmitted_packets,
            key_frame_requests=sent.key_frame_requests,
            fraction_lost=sent.fraction_lost,
            jitter_s=sent.jitter_s,
            round_trip_s=sent.round_trip_s,
            available_bps=sent.available_bps,
            target_bps=self._sender.target_bps if self._sender is not None else None,
            rung=sent.rung,
            rung_reason=sent.rung_reason,
            packets_reported=sent.packets_reported,
            packets_not_arrived=sent.packets_not_arrived,
            malformed_packets=self._malformed_packets,
            messages_dropped=self._channels.dropped_messages if self._channels else 0,
        )

    async def close(self, reason: str) -> None:
        """
        End the connection: last messages, close_notify, and the application is told.

        Takes at most about a second, whatever the viewer does.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self.is_connected = False
        if self._sender is not None:
            self._owner.fanout.detach(self._sender)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        try:
            await self._end_transports()
        finally:
            # Whatever a transport does at its end: the viewer's place is free again.
            for user_fragment in self._ice.user_fragments:
                self._owner.mux.unregister(user_fragment)
            self._owner.mux.release(self._ice.paths, self)
            self._tell(lambda: self._handler.on_closed(reason))

    async def _end_transports(self) -> None:
        if self._channels is not None:
            try:
                async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                    await self._channels.flush()
            except TimeoutError:
                logger.debug("viewer %s did not take its last messages", self.viewer_id[:6])
            await self._channels.close()
        if self._dtls is not None:
            await self._dtls.close()

    # From DTLS and the data channels.

    def on_message(self, channel: str, data: str | bytes) -> None:
        """A message of the viewer."""
        if not self._is_closed:
            self._tell(lambda: self._handler.on_message(channel, data))

    def on_control_open(self, send: Callable[[str], None]) -> None:
        """The control channel is open."""
        if not self._is_closed:
            self._tell(lambda: self._handler.on_channel_open(send))

    def on_data_failed(self, reason: str) -> None:
        """The viewer broke the protocol of the data channels."""
        logger.info("viewer %s: %s", self.viewer_id[:6], reason)
        self._owner.end(self, CloseReason.DATA_CHANNEL_ERROR)

    async def _connect(self, dtls: DtlsServer) -> None:
        try:
            await self._set_up(dtls)
        except HandshakeFailed as error:
            logger.info("viewer %s: %s", self.viewer_id[:6], error)
            self._owner.end(self, CloseReason.HANDSHAKE_FAILED)
        except Exception:
            logger.exception("viewer %s was not connected", self.viewer_id[:6])
            self._owner.end(self, CloseReason.INTERNAL_ERROR)

    async def _set_up(self, dtls: DtlsServer) -> None:
        owner = self._owner
        self._srtp = await dtls.handshake(owner.buffer)
        transport = SrtpTransport(
            srtp=self._srtp,
            buffer=owner.buffer,
            ice=self._ice,
            on_blocked=owner.on_backlog,
            on_failed=lambda: owner.end(self, CloseReason.INTERNAL_ERROR),
        )
        self._sender = owner.fanout.attach(transport, self._parameters)
        if self._sender.is_behind:
            owner.on_backlog()
        self.is_connected = True
        self._tell(self._handler.on_connected)
        if self.offer.data is not None:
            self._channels = DataChannels(
                dtls=dtls,
                local_port=SCTP_PORT,
                remote_port=self.offer.data.port,
                remote_max_message_bytes=self.offer.data.max_message_bytes,
                events=self,
            )
            await self._channels.start()

    def _send_datagram(self, datagram: bytes) -> None:
        path = self._ice.selected
        if path is not None:
            path.send(datagram)

    def _tell(self, call: Callable[[], None]) -> None:
        """The application's defects are its own: they end no connection."""
        try:
            call()
        except Exception:
            logger.exception("handler of viewer %s", self.viewer_id[:6])
