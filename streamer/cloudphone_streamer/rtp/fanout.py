"""
One capture, many viewers: each picture is put into packets once and sent to all.

`pipeline` pushes pictures; `webrtc.server` attaches senders and calls `catch_up` while one of them
is behind. The log outlives every capture: who joins while a phone reconnects sees its last picture.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.rtp.clock import MediaClock
from cloudphone_streamer.rtp.errors import PacketizationError
from cloudphone_streamer.rtp.h264 import packetize
from cloudphone_streamer.rtp.packet_log import PacketLog
from cloudphone_streamer.rtp.sender import VideoParameters, VideoSender
from cloudphone_streamer.rtp.transport import PacketTransport

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 1180
"""
Fits the least MTU of IPv6: 1280 - 40 (IPv6) - 8 (UDP) - 12 (RTP) - 20 (extensions) - 2 (original
sequence number) - 16 (AES-GCM tag) = 1182.
"""

CATCH_UP_INTERVAL_S = 0.005
CATCH_UP_PACKETS = 40
"""A backlog goes out at about 75 Mbps: 2 MiB within MAX_LAG_S, without flooding the network."""


@dataclass(slots=True, kw_only=True)
class FanoutStats:
    """Counts since the process began."""

    pictures: int = 0
    key_frames: int = 0
    packets: int = 0
    """Made once, whatever the number of viewers."""
    pictures_dropped: int = 0
    """Before the first key frame of a source, or broken."""
    key_frame_requests: int = 0


class VideoFanout:
    """
    Distributes the pictures of one phone.

    Args:
        request_key_frame: Asks the capture for a key frame; it coalesces requests.
    """

    def __init__(self, *, request_key_frame: Callable[[], None]) -> None:
        self.stats = FanoutStats()
        self._ask_capture = request_key_frame
        self._clock = MediaClock()
        self._log = PacketLog()
        self._senders: list[VideoSender] = []
        self._awaits_key_frame = True

    def push(self, unit: AccessUnit) -> None:
        """Send one picture to every viewer; returns when the kernel has what it takes."""
        if self._awaits_key_frame and not unit.is_key:
            self.stats.pictures_dropped += 1
            return
        try:
            payloads = packetize(unit.nals, MAX_PAYLOAD_BYTES)
        except PacketizationError as error:
            # A phone may send anything: without this picture the ones after it are of no use.
            logger.warning("a picture was dropped: %s", error)
            self.stats.pictures_dropped += 1
            self._awaits_key_frame = True
            self.request_key_frame()
            return
        self._awaits_key_frame = False
        now_s = time.monotonic()
        self._log.append(
            payloads, ticks=self._clock.ticks_of(unit.pts_us, now_s), is_key=unit.is_key
        )
        self.stats.pictures += 1
        self.stats.key_frames += unit.is_key
        self.stats.packets += len(payloads)
        gave_up = False
        for sender in self._senders:
            if not sender.is_behind:
                gave_up |= sender.advance(now_s)
        if gave_up:
            self.request_key_frame()

    def reset(self) -> None:
        """Expect another source: another clock, and a key frame first."""
        self._clock.reset()
        self._awaits_key_frame = True

    def attach(self, transport: PacketTransport, parameters: VideoParameters) -> VideoSender:
        """Add a viewer; it gets the pictures since the last key frame, or asks for a new one."""
        sender = VideoSender(
            log=self._log, clock=self._clock, transport=transport, parameters=parameters
        )
        now_s = time.monotonic()
        sender.join(now_s)
        self._senders.append(sender)
        if sender.waits_for_key_frame:
            self.request_key_frame()
        else:
            sender.advance(now_s, max_packets=CATCH_UP_PACKETS)
        return sender

    def detach(self, sender: VideoSender) -> None:
        """Remove a viewer."""
        self._senders.remove(sender)

    def catch_up(self) -> bool:
        """
        Send the next part of each backlog; to be called each `CATCH_UP_INTERVAL_S`.

        Returns:
            Whether any viewer is still behind.
        """
        now_s = time.monotonic()
        gave_up = False
        is_behind = False
        for sender in self._senders:
            if sender.is_behind:
                gave_up |= sender.advance(now_s, max_packets=CATCH_UP_PACKETS)
                is_behind |= sender.is_behind
        if gave_up:
            self.request_key_frame()
        return is_behind

    def request_key_frame(self) -> None:
        """Ask the source for a key frame."""
        self.stats.key_frame_requests += 1
        self._ask_capture()
