"""
One capture, many viewers: each picture is put into packets once and sent to all.

`pipeline` pushes pictures; `webrtc.server` attaches senders, calls `catch_up` while one of them
is behind, and `adapt` once a second. The log outlives every capture: who joins while a phone
reconnects sees its last picture. Viewers that the phone's own stream is too much for, or who do not
understand it, share lower rungs (`encode`), which run only while somebody is on them.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.encode.encoder import EncodedPicture
from cloudphone_streamer.encode.rungs import LADDERS, PASSTHROUGH, Rung
from cloudphone_streamer.encode.transcoder import SourcePicture, Transcoder
from cloudphone_streamer.rtp import h264, vp8
from cloudphone_streamer.rtp.clock import MediaClock
from cloudphone_streamer.rtp.errors import PacketizationError
from cloudphone_streamer.rtp.packet_log import PacketLog
from cloudphone_streamer.rtp.rung_policy import PathReport, RungPolicy
from cloudphone_streamer.rtp.sender import VideoParameters, VideoSender
from cloudphone_streamer.rtp.stream import VideoStream
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

LINGER_S = 5.0
"""A rung that nobody is on runs on for so long: who goes up may have to come back soon."""

_ASK_CAPTURE_AFTER_S = 2.0
"""A viewer that goes up waits so long for a key frame of the phone before one is asked for."""

_OBSERVED_S = 1.0
"""`adapt` judges the time since its last call."""

_PACKETIZE = {VideoCodec.H264: h264.packetize, VideoCodec.VP8: vp8.packetize}


@dataclass(slots=True, kw_only=True)
class FanoutStats:
    """Counts since the process began."""

    pictures: int = 0
    key_frames: int = 0
    packets: int = 0
    """Made once, whatever the number of viewers; of the phone's own stream."""
    pictures_dropped: int = 0
    """Before the first key frame of a source, or broken."""
    key_frame_requests: int = 0
    rung_changes: Counter[str] = field(default_factory=Counter)
    """Moves of viewers from rung to rung, by reason."""


@dataclass(slots=True, kw_only=True)
class _Place:
    """Where one viewer is, and where it goes."""

    policy: RungPolicy
    stream: VideoStream
    goes_to: VideoStream | None = None
    goes_since_s: float = 0.0


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
        self._source = VideoStream(PASSTHROUGH)
        self._lower: dict[Rung, VideoStream] = {}
        self._transcoder: Transcoder | None = None
        self._places: dict[VideoSender, _Place] = {}
        self._size_px = (0, 0)
        self._awaits_key_frame = True

    def push(self, unit: AccessUnit) -> None:
        """Send one picture to every viewer; returns when the kernel has what it takes."""
        if self._awaits_key_frame and not unit.is_key:
            self.stats.pictures_dropped += 1
            return
        try:
            payloads = h264.packetize(unit.nals, MAX_PAYLOAD_BYTES)
        except PacketizationError as error:
            # A phone may send anything: without this picture the ones after it are of no use.
            logger.warning("a picture was dropped: %s", error)
            self.stats.pictures_dropped += 1
            self._awaits_key_frame = True
            self.request_key_frame()
            return
        self._awaits_key_frame = False
        now_s = time.monotonic()
        ticks = self._clock.ticks_of(unit.pts_us, now_s)
        self._source.log.append(payloads, ticks=ticks, is_key=unit.is_key)
        self._size_px = (unit.width_px, unit.height_px)
        self.stats.pictures += 1
        self.stats.key_frames += unit.is_key
        self.stats.packets += len(payloads)
        if self._transcoder is not None:
            self._transcoder.feed(SourcePicture(unit=unit, ticks=ticks))
        self._distribute(self._source, now_s, is_key=unit.is_key)

    def reset(self) -> None:
        """Expect another source: another clock, and a key frame first."""
        self._clock.reset()
        self._awaits_key_frame = True
        if self._transcoder is not None:
            self._transcoder.reset()

    def attach(self, transport: PacketTransport, parameters: VideoParameters) -> VideoSender:
        """
        Add a viewer, on the best rung of its codec.

        It gets the pictures since the last key frame, or waits for one that is asked for.
        """
        now_s = time.monotonic()
        policy = RungPolicy(LADDERS[parameters.codec], now_s)
        stream = self._open(policy.rung)
        sender = VideoSender(
            log=stream.log, clock=self._clock, transport=transport, parameters=parameters
        )
        sender.stats.rung = policy.rung.name
        self._places[sender] = _Place(policy=policy, stream=stream)
        stream.senders.append(sender)
        if stream is self._source:
            sender.join(now_s)
        else:
            # A key frame of a rung costs little; its latest pictures would come late.
            sender.wait_for_key_frame()
        if sender.waits_for_key_frame:
            self._request_key_frame_of(stream)
        else:
            sender.advance(now_s, max_packets=CATCH_UP_PACKETS)
        return sender

    def detach(self, sender: VideoSender) -> None:
        """Remove a viewer."""
        place = self._places.pop(sender)
        place.stream.senders.remove(sender)
        if place.goes_to is not None:
            place.goes_to.arriving.remove(sender)

    def catch_up(self) -> bool:
        """
        Send the next part of each backlog; to be called each `CATCH_UP_INTERVAL_S`.

        Returns:
            Whether any viewer is still behind.
        """
        now_s = time.monotonic()
        is_behind = False
        for stream in (self._source, *self._lower.values()):
            gave_up = False
            for sender in stream.senders:
                if sender.is_behind:
                    gave_up |= sender.advance(now_s, max_packets=CATCH_UP_PACKETS)
                    is_behind |= sender.is_behind
            if gave_up:
                self._request_key_frame_of(stream)
        return is_behind

    def adapt(self, now_s: float) -> None:
        """Move viewers up and down, and end rungs that nobody needs; to be called once a second."""
        for sender, place in self._places.items():
            path = sender.path
            change = place.policy.observe(
                PathReport(
                    is_overused=path.is_overused(now_s, within_s=_OBSERVED_S),
                    loss=path.loss(now_s) if path.has_feedback else sender.stats.fraction_lost,
                    throughput_bps=path.throughput_bps if path.has_feedback else None,
                ),
                now_s,
            )
            if change is not None:
                self.stats.rung_changes[change.reason] += 1
                sender.stats.rung_reason = change.reason
                self._send_off(sender, place, change.rung, now_s)
            elif (
                place.goes_to is self._source and now_s - place.goes_since_s > _ASK_CAPTURE_AFTER_S
            ):
                # The screen stands still: the phone sends nothing by itself.
                self.request_key_frame()
        self._end_idle_rungs(now_s)

    def on_key_frame_wanted(self, sender: VideoSender) -> None:
        """A viewer cannot go on without a key frame."""
        place = self._places.get(sender)
        if place is None:
            # It is leaving.
            return
        place.policy.on_key_frame_request(time.monotonic())
        self._request_key_frame_of(place.stream)

    def request_key_frame(self) -> None:
        """Ask the source for a key frame."""
        self.stats.key_frame_requests += 1
        self._ask_capture()

    def close(self) -> None:
        """End all transcodes; every viewer has left."""
        self._lower.clear()
        if self._transcoder is not None:
            self._transcoder.close()
            self._transcoder = None

    def _request_key_frame_of(self, stream: VideoStream) -> None:
        if self._transcoder is None or stream is self._source:
            self.request_key_frame()
        else:
            # Local: the phone and the other rungs know nothing of it.
            self._transcoder.request_key_frame(stream.rung)

    def _distribute(self, stream: VideoStream, now_s: float, *, is_key: bool) -> None:
        if is_key and stream.arriving:
            self._welcome(stream, now_s)
        if stream.distribute(now_s):
            self._request_key_frame_of(stream)

    def _send_off(self, sender: VideoSender, place: _Place, rung: Rung, now_s: float) -> None:
        """Let a viewer go to another rung; it stays where it is until that has a key frame."""
        if place.goes_to is not None:
            place.goes_to.arriving.remove(sender)
            place.goes_to = None
        target = self._open(rung)
        if target is place.stream:
            return
        place.goes_to, place.goes_since_s = target, now_s
        target.arriving.append(sender)
        if target is not self._source:
            self._request_key_frame_of(target)

    def _welcome(self, stream: VideoStream, now_s: float) -> None:
        """Take over the viewers that waited for the key frame that has just been appended."""
        for sender in stream.arriving:
            place = self._places[sender]
            place.stream.senders.remove(sender)
            place.stream, place.goes_to = stream, None
            stream.senders.append(sender)
            sender.stats.rung = stream.rung.name
            sender.switch(stream.log, now_s)
            sender.advance(now_s)
        stream.arriving.clear()

    def _open(self, rung: Rung) -> VideoStream:
        """The stream of a rung; one that is not there yet begins with a key frame."""
        if rung.is_passthrough:
            return self._source
        stream = self._lower.get(rung)
        if stream is None:
            stream = self._lower[rung] = VideoStream(rung)
            if self._transcoder is None:
                backlog = _backlog(self._source.log, *self._size_px)
                self._transcoder = Transcoder(backlog=backlog, on_picture=self._on_encoded)
                if not backlog:
                    self.request_key_frame()
            self._transcoder.add(rung)
            logger.info("rung %s begins", rung.name)
        return stream

    def _on_encoded(self, rung: Rung, picture: EncodedPicture) -> None:
        """One more picture of a rung."""
        stream = self._lower[rung]
        payloads = _PACKETIZE[rung.codec](picture.parts, MAX_PAYLOAD_BYTES)
        stream.log.append(payloads, ticks=picture.ticks, is_key=picture.is_key)
        self._distribute(stream, time.monotonic(), is_key=picture.is_key)

    def _end_idle_rungs(self, now_s: float) -> None:
        for rung, stream in list(self._lower.items()):
            if stream.is_wanted:
                stream.idle_since_s = None
            elif stream.idle_since_s is None:
                stream.idle_since_s = now_s
            elif now_s - stream.idle_since_s > LINGER_S:
                assert self._transcoder is not None
                self._transcoder.remove(rung)
                del self._lower[rung]
                logger.info("rung %s ends", rung.name)
        if not self._lower:
            self.close()


def _backlog(log: PacketLog, width_px: int, height_px: int) -> list[SourcePicture]:
    """The pictures since the last key frame; only the last one is to be shown."""
    pictures = log.pictures()
    return [
        SourcePicture(
            unit=AccessUnit(
                nals=h264.reassemble(picture.payloads),
                pts_us=0,
                is_key=picture.is_key,
                width_px=width_px,
                height_px=height_px,
            ),
            ticks=picture.ticks,
            is_shown=picture is pictures[-1],
        )
        for picture in pictures
    ]
