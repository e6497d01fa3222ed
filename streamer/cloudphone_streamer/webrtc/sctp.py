"""
Data channels of one viewer, by aiortc's RTCSctpTransport over our DTLS.

The viewer opens the channels; a viewer without any is fine. The only module that knows aiortc's
private names for this. What a viewer sends can end its own data channels at most.

See RFC 8831 (data channels), RFC 8832 (DCEP), RFC 8841 (SDP).
"""

# ruff: noqa: SLF001 - the adapter of aiortc's private names

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from cloudphone_protocol.channel import CONTROL_CHANNEL, MAX_MESSAGE_BYTES, MOVES_CHANNEL
from cloudphone_streamer.webrtc.dtls import DataReceiver, DtlsServer
from cloudphone_streamer.webrtc.sctp_guard import MalformedSctp, check_sctp_packet

logger = logging.getLogger(__name__)

_CHANNELS = {CONTROL_CHANNEL, MOVES_CHANNEL}
_MAX_CHANNELS = 4
_MAX_BUFFERED_BYTES = 256 * 1024
"""A viewer that reads no messages loses those that would be queued beyond."""

_MAX_OUT_OF_ORDER_PACKETS = 2048
"""Beyond, a peer only fills memory: our receive window is 1 MiB."""

_FLUSH_POLL_S = 0.02


class ChannelEvents(Protocol):
    """Who is told what happens on the channels."""

    def on_message(self, channel: str, data: str | bytes) -> None:
        """Take a message of at most MAX_MESSAGE_BYTES."""

    def on_control_open(self, send: Callable[[str], None]) -> None:
        """The control channel is open; `send` never waits and never raises."""

    def on_data_failed(self, reason: str) -> None:
        """The viewer broke the protocol; nothing more comes."""


class DataChannels:
    """
    The SCTP association of one viewer.

    Args:
        dtls: A connected association.
        local_port: The answer's `a=sctp-port`.
        remote_port: The offer's `a=sctp-port`.
        remote_max_message_bytes: The offer's `a=max-message-size`.
        events: Who is told.
    """

    def __init__(
        self,
        *,
        dtls: DtlsServer,
        local_port: int,
        remote_port: int,
        remote_max_message_bytes: int,
        events: ChannelEvents,
    ) -> None:
        self.dropped_messages = 0
        self._events = events
        self._remote_port = remote_port
        self._remote_max_message_bytes = remote_max_message_bytes
        self._is_open = True
        self._channels: list[RTCDataChannel] = []
        self._guard = _Guard(dtls, self._fail)
        self._sctp = RTCSctpTransport(self._guard, local_port)  # type: ignore[arg-type]
        self._guard.sctp = self._sctp
        self._sctp.on("datachannel", self._on_channel)

    async def start(self) -> None:
        """Begin the association; the viewer does the same (RFC 8841 - 9.3)."""
        await self._sctp.start(
            RTCSctpCapabilities(maxMessageSize=self._remote_max_message_bytes), self._remote_port
        )

    async def flush(self) -> None:
        """Wait until the viewer has confirmed every message; to be used with a timeout."""
        # aiortc tells of no event for this.
        while self._is_open and (  # noqa: ASYNC110
            self._sctp._data_channel_queue or self._sctp._outbound_queue or self._sctp._sent_queue
        ):
            await asyncio.sleep(_FLUSH_POLL_S)

    async def close(self) -> None:
        """End the association."""
        self._is_open = False
        await self._sctp.stop()
        for channel in self._channels:
            channel.remove_all_listeners()
        self._channels.clear()

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label not in _CHANNELS or len(self._channels) >= _MAX_CHANNELS:
            logger.info("refused a data channel that is not %s", " or ".join(sorted(_CHANNELS)))
            channel.close()
            return
        self._channels.append(channel)
        label = channel.label
        channel.on("message", lambda data: self._on_message(label, data))
        channel.on("close", lambda: self._on_channel_close(channel))
        if label == CONTROL_CHANNEL:
            self._events.on_control_open(lambda text: self._send(channel, text))

    def _on_channel_close(self, channel: RTCDataChannel) -> None:
        if channel in self._channels:
            self._channels.remove(channel)

    def _on_message(self, label: str, data: str | bytes) -> None:
        size = len(data.encode()) if isinstance(data, str) else len(data)
        if size > MAX_MESSAGE_BYTES:
            self.dropped_messages += 1
            return
        self._events.on_message(label, data)

    def _send(self, channel: RTCDataChannel, text: str) -> None:
        if (
            not self._is_open
            or channel.readyState != "open"
            or channel.bufferedAmount > _MAX_BUFFERED_BYTES
        ):
            self.dropped_messages += 1
            return
        try:
            channel.send(text)
        except ValueError:
            # Longer than the viewer takes.
            self.dropped_messages += 1

    def _fail(self, reason: str) -> None:
        if self._is_open:
            self._is_open = False
            self._events.on_data_failed(reason)


class _Guard:
    """Between DTLS and SCTP: nothing malformed gets in, no exception gets out."""

    def __init__(self, dtls: DtlsServer, fail: Callable[[str], None]) -> None:
        self._dtls = dtls
        self._fail = fail
        self.sctp: RTCSctpTransport | None = None

    @property
    def state(self) -> str:
        return self._dtls.state

    @property
    def _role(self) -> str:
        return self._dtls._role

    def _register_data_receiver(self, receiver: DataReceiver) -> None:
        del receiver
        self._dtls._register_data_receiver(self)

    def _unregister_data_receiver(self, receiver: DataReceiver) -> None:
        del receiver
        self._dtls._unregister_data_receiver(self)

    async def _handle_data(self, data: bytes) -> None:
        sctp = self.sctp
        assert sctp is not None
        try:
            check_sctp_packet(data)
            await sctp._handle_data(data)
        except MalformedSctp as error:
            self._fail(str(error))
        except Exception as error:
            logger.debug("SCTP refused a packet", exc_info=True)
            self._fail(f"SCTP refused a packet: {type(error).__name__}")
        if (
            len(sctp._sack_misordered) > _MAX_OUT_OF_ORDER_PACKETS
            or sctp._advertised_rwnd < -MAX_MESSAGE_BYTES
        ):
            self._fail("SCTP peer ignores the receive window")

    async def _send_data(self, data: bytes) -> None:
        try:
            await self._dtls._send_data(data)
        except ConnectionError:
            # The association has just ended; its end is told by DTLS.
            return
