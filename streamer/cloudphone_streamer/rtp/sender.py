"""
One viewer's video stream: a position in the shared log, and the header of each packet.

`fanout` calls `advance` on each picture; `webrtc` feeds it what the viewer says. It holds no
packets of its own, so a slow viewer costs no memory and delays nobody.
"""

import secrets
import time
from dataclasses import dataclass

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.rtp.clock import VIDEO_CLOCK_HZ, MediaClock, compact_ntp, ntp_of
from cloudphone_streamer.rtp.congestion import CongestionEstimator
from cloudphone_streamer.rtp.packet import ExtensionIds, HeaderWriter, send_time_of
from cloudphone_streamer.rtp.packet_log import HISTORY_PACKETS, PacketLog, Run
from cloudphone_streamer.rtp.rtcp import Feedback, sender_report
from cloudphone_streamer.rtp.transport import PacketTransport

MAX_LAG_S = 0.5
"""A viewer that is behind for longer continues at the next key frame."""

_ORIGINAL_SEQUENCE_BYTES = 2
"""RFC 4588 - 4: in front of a retransmitted payload."""

_BACKLOG_SPEED = 16

_HOPELESS_LOSS = 0.3
"""Above it packets sent again only crowd out those that would end the crowd."""

_LEAST_STEP_TICKS = VIDEO_CLOCK_HZ // 1000
"""Between the last picture of one encoding and the first of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoParameters:
    """
    What was negotiated for the video section.

    Args:
        mid: Identification of the section.
        payload_type: Of `codec`.
        rtx_payload_type: Of its retransmissions (RFC 4588); None: the viewer takes none.
        extensions: Ids of header extensions.
        ssrc: Of the video.
        rtx_ssrc: Of its retransmissions.
        cname: RTCP name of this sender.
        codec: What the viewer decodes.
    """

    mid: str
    payload_type: int
    rtx_payload_type: int | None
    extensions: ExtensionIds
    ssrc: int
    rtx_ssrc: int
    cname: str
    codec: VideoCodec = VideoCodec.H264


@dataclass(slots=True, kw_only=True)
class SenderStats:
    """Counts since the viewer joined, and its latest reports."""

    packets_sent: int = 0
    bytes_sent: int = 0
    packets_skipped: int = 0
    """Not sent because the viewer was too slow or was waiting for a key frame."""
    nacked_packets: int = 0
    retransmitted_packets: int = 0
    key_frame_requests: int = 0
    fraction_lost: float = 0.0
    """Of the video, by the viewer's latest report; 0..1."""
    jitter_s: float = 0.0
    round_trip_s: float | None = None
    available_bps: int | None = None
    """The viewer's own estimate (REMB), where it sends one."""
    packets_reported: int = 0
    """Of all streams, by transport-wide feedback."""
    packets_not_arrived: int = 0
    """Those among them that had not arrived when they were reported on."""
    rung: str = ""
    """The encoding that it is sent."""
    rung_reason: str = ""
    """Why it was moved there; empty: it began there."""


class VideoSender:
    """
    Sends the log to one viewer.

    Args:
        log: The shared packets of the rung that it begins on.
        clock: The shared media clock.
        transport: Where packets go.
        parameters: What was negotiated.
    """

    def __init__(
        self,
        *,
        log: PacketLog,
        clock: MediaClock,
        transport: PacketTransport,
        parameters: VideoParameters,
    ) -> None:
        self.stats = SenderStats()
        self._log = log
        self._clock = clock
        self._transport = transport
        self._words = transport.buffer.cast("H")
        self._parameters = parameters
        self._video = HeaderWriter(
            payload_type=parameters.payload_type,
            ssrc=parameters.ssrc,
            mid=parameters.mid,
            extensions=parameters.extensions,
        )
        self._rtx = (
            HeaderWriter(
                payload_type=parameters.rtx_payload_type,
                ssrc=parameters.rtx_ssrc,
                mid=parameters.mid,
                extensions=parameters.extensions,
            )
            if parameters.rtx_payload_type is not None
            else None
        )
        # RFC 3550 - 5.1: the first sequence number should be random; below 2^15 it does not wrap
        # within the first packets, which SRTP could not tell from a late one (RFC 3711 - 3.3.1).
        self._next_sequence = secrets.randbits(15)
        self._rtx_sequence = secrets.randbits(15)
        self._transport_sequence = 0
        self._retransmissions_left = HISTORY_PACKETS
        self.path = CongestionEstimator()
        self._reports_arrivals = bool(parameters.extensions.transport_sequence)

        self._number: int | None = None
        self._resume_number = 0
        self._sent_of_run = 0
        self._first_index = 0
        self._next_index = 0
        self._edge_ticks = 0
        self._shift_ticks = 0
        self._latest_shown_ticks: int | None = None
        self._behind_since_s: float | None = None

    @property
    def waits_for_key_frame(self) -> bool:
        """Whether it stands still until a key frame comes."""
        return self._number is None

    @property
    def target_bps(self) -> int | None:
        """What the path can carry, estimated from transport-wide feedback; None without any."""
        return int(self.path.target_bps) if self.path.has_feedback else None

    @property
    def is_behind(self) -> bool:
        """Whether it has a backlog, which `VideoFanout.catch_up` sends little by little."""
        return self._behind_since_s is not None

    def join(self, now_s: float) -> None:
        """Begin at the oldest key frame of the log, or else wait for the next one."""
        if self._log.is_joinable:
            self._start_at(self._log.first_number, now_s)

    def wait_for_key_frame(self) -> None:
        """Begin at the next key frame, whatever the log has."""
        self._resume_number = self._log.end_number

    def switch(self, log: PacketLog, now_s: float) -> None:
        """
        Go on with another encoding of the same picture, whose key frame has just been appended.

        The viewer sees one stream: SSRC, sequence numbers and time stamps go on.
        """
        self._log = log
        self._resume_number = log.first_number
        self._next_index = log.run(log.first_number).first_index
        self._start_at(log.first_number, now_s)

    def advance(self, now_s: float, *, max_packets: int | None = None) -> bool:
        """
        Send what the log holds and the socket takes.

        Args:
            now_s: Monotonic time.
            max_packets: About so many; a backlog is not thrown at the network at once.
        Returns:
            Whether it has just given up its place and needs a new key frame.
        """
        log = self._log
        if self._number is None or self._number < log.first_number:
            if not log.is_joinable or log.first_number < self._resume_number:
                return self._wait_for_key_frame()
            self._start_at(log.first_number, now_s)
        assert self._number is not None
        end_number = log.end_number
        last_index = None if max_packets is None else self._next_index + max_packets
        while self._number < end_number and (last_index is None or self._next_index < last_index):
            if not self._send_run(log.run(self._number), now_s):
                break
            self._number += 1
            self._sent_of_run = 0
        if self._number == end_number:
            self._behind_since_s = None
        elif self._behind_since_s is None:
            self._behind_since_s = now_s
        elif now_s - self._behind_since_s > MAX_LAG_S:
            return self._wait_for_key_frame()
        return False

    def handle_feedback(self, feedback: Feedback, now_s: float) -> bool:
        """
        Take what the viewer says.

        Returns:
            Whether it asks for a key frame.
        """
        ssrc = self._parameters.ssrc
        lost = [sequence for media_ssrc, sequence in feedback.nacks if media_ssrc == ssrc]
        if lost:
            self.stats.nacked_packets += len(lost)
            self._retransmit(lost, now_s)
        for report in feedback.reports:
            if report.ssrc == ssrc:
                self.stats.fraction_lost = report.fraction_lost
                self.stats.jitter_s = report.jitter_ticks / VIDEO_CLOCK_HZ
                if report.last_sender_report:
                    # RFC 3550 - 6.4.1: arrival - LSR - DLSR, in units of 1/65536 s.
                    elapsed = (
                        compact_ntp(ntp_of(time.time()))
                        - report.last_sender_report
                        - report.delay_since_sender_report
                    ) & 0xFFFF_FFFF
                    if elapsed < 1 << 31:
                        self.stats.round_trip_s = elapsed / 65536
        if feedback.bandwidth_bps is not None:
            self.stats.available_bps = feedback.bandwidth_bps
        for transport in feedback.transport:
            self.stats.packets_reported += len(transport.arrivals)
            self.stats.packets_not_arrived += transport.arrivals.count(None)
            self.path.on_feedback(transport, now_s)
        wants_key_frame = ssrc in feedback.key_frames_wanted
        self.stats.key_frame_requests += wants_key_frame
        return wants_key_frame

    def send_report(self, now_s: float) -> None:
        """Send a sender report; to be called once a second."""
        self._retransmissions_left = HISTORY_PACKETS
        if self.stats.packets_sent:
            self._transport.send_control(
                sender_report(
                    ssrc=self._parameters.ssrc,
                    cname=self._parameters.cname,
                    ntp=ntp_of(time.time()),
                    rtp_timestamp=self._clock.ticks_at(now_s),
                    packets=self.stats.packets_sent,
                    payload_bytes=self.stats.bytes_sent,
                )
            )

    def _start_at(self, number: int, now_s: float) -> None:
        run = self._log.run(number)
        if self.stats.packets_sent:
            self.stats.packets_skipped += run.first_index - self._next_index
        self._number = number
        self._sent_of_run = 0
        # Sequence numbers have no gap where packets were skipped: a gap would be taken for loss.
        self._first_index = self._next_index = run.first_index
        self._edge_ticks = self._log.latest_ticks
        self._shift_ticks = 0
        if self._latest_shown_ticks is not None:
            # Another encoding may be some pictures late; time never goes back for a viewer.
            step = self._squeezed(run.ticks) - self._latest_shown_ticks
            self._shift_ticks = max(0, _LEAST_STEP_TICKS - step)
        self._behind_since_s = now_s

    def _wait_for_key_frame(self) -> bool:
        """Give up the place in the log; False: it had none."""
        had_place = self._number is not None
        if had_place:
            self._resume_number = self._log.end_number
        self._number = None
        self._behind_since_s = None
        return had_place

    def _shown_ticks(self, ticks: int) -> int:
        """
        RTP time as this viewer is told it, not cut to 32 bits.

        A backlog is played as fast as it arrives: a client that honours time stamps would stay
        as late as the backlog is long. So the past before the join is squeezed.
        """
        return self._squeezed(ticks) + self._shift_ticks

    def _squeezed(self, ticks: int) -> int:
        late_ticks = self._edge_ticks - ticks
        return self._edge_ticks - late_ticks // _BACKLOG_SPEED if late_ticks > 0 else ticks

    def _send_run(self, run: Run, now_s: float) -> bool:
        """Send one run from where it stopped; False: the socket took only a part."""
        skipped = self._sent_of_run
        payloads = run.payloads[skipped:] if skipped else run.payloads
        video, transport = self._video, self._transport
        trailer_bytes = transport.trailer_bytes
        packet_bytes = video.size_bytes + len(payloads[0])
        stride = packet_bytes + trailer_bytes
        self._latest_shown_ticks = shown_ticks = self._shown_ticks(run.ticks)
        sequence = self._next_sequence
        transport_sequence = self._transport_sequence
        last = len(payloads) - 1
        image = self._log.image(run, video, shown_ticks & 0xFFFF_FFFF, trailer_bytes)
        if skipped:
            # The rest may be the last packet alone, which is shorter than those before it.
            image = image[skipped * (stride + len(run.payloads[0]) - len(payloads[0])) :]
        transport.buffer[: len(image)] = image
        video.fill(self._words, last + 1, stride, sequence, send_time_of(now_s), transport_sequence)
        sent = transport.send_packets(
            last + 1, packet_bytes, video.size_bytes + len(payloads[last])
        )
        self._next_index += sent
        self._next_sequence = sequence + sent & 0xFFFF
        self._transport_sequence = transport_sequence + sent & 0xFFFF
        self._sent_of_run += sent
        if self._reports_arrivals and sent:
            self.path.on_sent(sent, stride, now_s)
        stats = self.stats
        stats.packets_sent += sent
        stats.bytes_sent += (
            sent * len(payloads[0])
            if sent <= last
            else last * len(payloads[0]) + len(payloads[last])
        )
        return sent == len(payloads)

    def _retransmit(self, sequences: list[int], now_s: float) -> None:
        """
        Send lost packets again, RFC 4588.

        Only as a stream of its own: the same packet with a fresh send time under the same sequence
        number would use an AES-GCM nonce twice (RFC 7714 - 8.1).
        """
        if self._rtx is None or self.path.loss(now_s) > _HOPELESS_LOSS:
            return
        for sequence in sequences:
            if not self._retransmissions_left:
                return
            index = self._next_index - (self._next_sequence - sequence & 0xFFFF)
            packet = self._log.sent_packet(index)
            if packet is None or not self._first_index <= index < self._next_index:
                continue
            self._retransmissions_left -= 1
            header_bytes = self._rtx.size_bytes
            buffer = self._transport.buffer
            self._rtx.write(
                buffer,
                packet.marker,
                self._rtx_sequence,
                self._shown_ticks(packet.ticks) & 0xFFFF_FFFF,
                send_time_of(now_s),
                self._transport_sequence,
            )
            start = header_bytes + _ORIGINAL_SEQUENCE_BYTES
            size = start + len(packet.payload)
            buffer[header_bytes:start] = sequence.to_bytes(_ORIGINAL_SEQUENCE_BYTES, "big")
            buffer[start:size] = packet.payload
            if self._transport.send_packets(1, size, size):
                self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
                self._transport_sequence = self._transport_sequence + 1 & 0xFFFF
                if self._reports_arrivals:
                    self.path.on_sent(1, size, now_s)
                self.stats.retransmitted_packets += 1
