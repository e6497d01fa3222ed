"""
RTP control packets: what viewers say about the video, and what they are told.

Feedback comes from anyone's browser, so it is read here in full and strictly; a compound packet
with any defect is refused whole.

See RFC 3550 - 6. RTCP, RFC 4585 - 6. AVPF, RFC 5104 - 4.3.1. FIR, draft-alvestrand-rmcat-remb-03.
"""

import struct
from dataclasses import dataclass, field

from cloudphone_streamer.rtp.errors import MalformedRtcp
from cloudphone_streamer.rtp.transport_cc import TransportFeedback, parse_transport_feedback

_SENDER_REPORT = 200
_RECEIVER_REPORT = 201
_SOURCE_DESCRIPTION = 202
_TRANSPORT_FEEDBACK = 205
_PAYLOAD_FEEDBACK = 206

_FMT_NACK = 1
_FMT_TRANSPORT_CC = 15
_FMT_PLI = 1
_FMT_FIR = 4
_FMT_APPLICATION = 15

_CNAME_ITEM = 1
_REPORT_BLOCK = struct.Struct("!IBBHIIII")
_FEEDBACK_HEADER = struct.Struct("!II")
_NACK_ITEM = struct.Struct("!HH")
_FIR_ITEM = struct.Struct("!IB3x")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionReport:
    """How one stream arrives (RFC 3550 - 6.4.1)."""

    ssrc: int
    fraction_lost: float
    """Since the report before; 0..1."""
    packets_lost: int
    jitter_ticks: int
    last_sender_report: int
    """Middle 32 bits of the NTP time of the last sender report; 0 if there was none."""
    delay_since_sender_report: int
    """In units of 1/65536 s."""


@dataclass(slots=True, kw_only=True)
class Feedback:
    """All that one compound packet says; SSRCs are those of media that we send."""

    reports: list[ReceptionReport] = field(default_factory=list)
    nacks: list[tuple[int, int]] = field(default_factory=list)
    """(SSRC, sequence number) of packets that are missing."""
    key_frames_wanted: list[int] = field(default_factory=list)
    """SSRCs that PLI and FIR ask a key frame of."""
    bandwidth_bps: int | None = None
    """The receiver's own estimate (REMB)."""
    transport: list[TransportFeedback] = field(default_factory=list)
    """Arrivals of packets of all streams."""


def is_rtcp(packet: bytes) -> bool:
    """Tell RTCP from RTP on one port by the second byte (RFC 5761 - 4)."""
    return len(packet) >= 2 and 192 <= packet[1] <= 223


def parse_feedback(compound: bytes) -> Feedback:
    """
    Read one compound packet; types that a sender has no use for are skipped.

    Raises:
        MalformedRtcp: If any packet in it is cut short or contradicts its own length.
    """
    feedback = Feedback()
    position = 0
    if not compound:
        raise MalformedRtcp("RTCP packet is 0 bytes; expected at least 4")
    while position < len(compound):
        if len(compound) - position < 4:
            raise MalformedRtcp("RTCP packet ends within a header")
        first, kind, words = struct.unpack_from("!BBH", compound, position)
        if first >> 6 != 2:
            raise MalformedRtcp(f"RTCP version is {first >> 6}; expected 2")
        end = position + 4 + words * 4
        if end > len(compound):
            raise MalformedRtcp(f"RTCP packet of type {kind} is longer than its datagram")
        body = compound[position + 4 : end]
        if first & 0x20:
            body = _without_padding(body)
        _read(feedback, kind, first & 0x1F, body)
        position = end
    return feedback


def _without_padding(body: bytes) -> bytes:
    if not body or not 0 < body[-1] <= len(body):
        raise MalformedRtcp("RTCP padding is longer than its packet")
    return body[: -body[-1]]


def _read(feedback: Feedback, kind: int, count: int, body: bytes) -> None:
    """Add one packet; `count` is the header's 5-bit field."""
    if kind == _RECEIVER_REPORT:
        _read_reports(feedback, body[4:], count)
    elif kind == _SENDER_REPORT:
        _read_reports(feedback, body[24:], count)
    elif kind in {_TRANSPORT_FEEDBACK, _PAYLOAD_FEEDBACK}:
        if len(body) < _FEEDBACK_HEADER.size:
            raise MalformedRtcp(f"RTCP feedback is {len(body)} bytes; expected at least 8")
        _, media_ssrc = _FEEDBACK_HEADER.unpack_from(body)
        items = body[_FEEDBACK_HEADER.size :]
        if kind == _TRANSPORT_FEEDBACK and count == _FMT_NACK:
            _read_nacks(feedback, media_ssrc, items)
        elif kind == _TRANSPORT_FEEDBACK and count == _FMT_TRANSPORT_CC:
            feedback.transport.append(parse_transport_feedback(items))
        elif kind == _PAYLOAD_FEEDBACK and count == _FMT_PLI:
            feedback.key_frames_wanted.append(media_ssrc)
        elif kind == _PAYLOAD_FEEDBACK and count == _FMT_FIR:
            if len(items) % _FIR_ITEM.size:
                raise MalformedRtcp("FIR is no multiple of 8 bytes")
            # RFC 5104 - 4.3.1.2: the SSRC is in each item, that of the header is unused.
            feedback.key_frames_wanted.extend(ssrc for ssrc, _ in _FIR_ITEM.iter_unpack(items))
        elif kind == _PAYLOAD_FEEDBACK and count == _FMT_APPLICATION and items[:4] == b"REMB":
            _read_bandwidth(feedback, items)


def _read_reports(feedback: Feedback, blocks: bytes, count: int) -> None:
    if len(blocks) < count * _REPORT_BLOCK.size:
        raise MalformedRtcp(f"RTCP report has {len(blocks)} bytes for {count} blocks of 24")
    for position in range(count):
        ssrc, fraction, lost_high, lost_low, _, jitter, last, delay = _REPORT_BLOCK.unpack_from(
            blocks, position * _REPORT_BLOCK.size
        )
        lost = lost_high << 16 | lost_low
        feedback.reports.append(
            ReceptionReport(
                ssrc=ssrc,
                fraction_lost=fraction / 256,
                packets_lost=lost - (1 << 24) if lost >> 23 else lost,
                jitter_ticks=jitter,
                last_sender_report=last,
                delay_since_sender_report=delay,
            )
        )


def _read_nacks(feedback: Feedback, media_ssrc: int, items: bytes) -> None:
    """RFC 4585 - 6.2.1: a packet id and a mask of the sixteen that follow it."""
    if len(items) % _NACK_ITEM.size:
        raise MalformedRtcp("NACK is no multiple of 4 bytes")
    for packet_id, mask in _NACK_ITEM.iter_unpack(items):
        feedback.nacks.append((media_ssrc, packet_id))
        feedback.nacks.extend(
            (media_ssrc, packet_id + 1 + bit & 0xFFFF) for bit in range(16) if mask >> bit & 1
        )


def _read_bandwidth(feedback: Feedback, items: bytes) -> None:
    """draft-alvestrand-rmcat-remb-03 - 2.2: 6 bits of exponent, 18 of mantissa."""
    if len(items) < 8:
        raise MalformedRtcp(f"REMB is {len(items)} bytes; expected at least 8")
    exponent = items[5] >> 2
    mantissa = (items[5] & 0x03) << 16 | items[6] << 8 | items[7]
    feedback.bandwidth_bps = mantissa << exponent


def sender_report(
    *, ssrc: int, cname: str, ntp: int, rtp_timestamp: int, packets: int, payload_bytes: int
) -> bytes:
    """
    Build a compound packet of a sender report and a source description.

    See RFC 3550 - 6.1: every compound packet carries the CNAME.

    Args:
        ssrc: The stream reported on.
        cname: At most 255 bytes of UTF-8.
        ntp: 64-bit NTP time of this moment.
        rtp_timestamp: 32-bit RTP time of the same moment.
        packets: Packets sent so far.
        payload_bytes: Their payload, headers and padding excluded.
    """
    report = struct.pack(
        "!BBHIQIII",
        0x80,
        _SENDER_REPORT,
        6,
        ssrc,
        ntp,
        rtp_timestamp & 0xFFFF_FFFF,
        packets & 0xFFFF_FFFF,
        payload_bytes & 0xFFFF_FFFF,
    )
    name = cname.encode()
    chunk = struct.pack("!IBB", ssrc, _CNAME_ITEM, len(name)) + name
    # RFC 3550 - 6.5: at least one null byte ends the items, then up to the next 32-bit word.
    chunk += bytes(4 - len(chunk) % 4)
    return report + struct.pack("!BBH", 0x81, _SOURCE_DESCRIPTION, len(chunk) // 4) + chunk
