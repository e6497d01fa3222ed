"""
RTP headers with one block of header extensions, RFC 3550 and RFC 8285.

The block has one length for the whole life of a stream, whatever was negotiated: an extension
that was not is left as padding. So every packet of a picture has one size, which UDP segmentation
offload needs, and a header is written by one call into a buffer that is made once.
"""

import struct
from dataclasses import dataclass

_VERSION_AND_EXTENSION = 0x90
_ONE_BYTE_PROFILE = 0xBEDE
_MARKER = 0x80
_MAX_ELEMENT_BYTES = 16
_FIXED_HEADER_BYTES = 16
"""RFC 3550's header and the four bytes in front of the extension block."""

_PLAYOUT_DELAY_BYTES = 3
_ABS_SEND_TIME_BYTES = 3
_SEQUENCE_BYTES = 2

ABS_SEND_TIME_FRACTION_BITS = 18


class ExtensionUri:
    """Names of the header extensions that a packet can carry."""

    MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
    ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    TRANSPORT_SEQUENCE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionIds:
    """Negotiated ids, 1..14; 0 where the viewer did not offer the extension."""

    mid: int = 0
    abs_send_time: int = 0
    transport_sequence: int = 0
    playout_delay: int = 0


class HeaderWriter:
    """
    Writes the headers of one stream (one SSRC).

    Args:
        payload_type: 7 bits.
        ssrc: 32 bits.
        mid: Identification of the media section; carried if its id is set and it fits.
        extensions: Negotiated ids.
    """

    def __init__(self, *, payload_type: int, ssrc: int, mid: str, extensions: ExtensionIds) -> None:
        constant = _element(extensions.mid, mid.encode()) + _element(
            extensions.playout_delay, bytes(_PLAYOUT_DELAY_BYTES)
        )
        # Layout: constant elements, abs-send-time (4), transport-wide sequence number (3), padding.
        used_bytes = len(constant) + 1 + _ABS_SEND_TIME_BYTES + 1 + _SEQUENCE_BYTES
        padding_bytes = -used_bytes % 4
        self._pack_into = struct.Struct(f"!BBHIIHH{len(constant)}sIBH{padding_bytes}x").pack_into
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._constant = constant
        self._words = (used_bytes + padding_bytes) // 4
        self._time_mark = (
            (extensions.abs_send_time << 4 | _ABS_SEND_TIME_BYTES - 1) << 24
            if extensions.abs_send_time
            else None
        )
        self._sequence_mark = (
            extensions.transport_sequence << 4 | _SEQUENCE_BYTES - 1
            if extensions.transport_sequence
            else 0
        )
        self.size_bytes = _FIXED_HEADER_BYTES + self._words * 4

    def write(  # noqa: PLR0917 - once a packet and viewer: keywords cost a tenth of its time
        self,
        buffer: memoryview,
        offset: int,
        marker: bool,
        sequence: int,
        timestamp: int,
        send_time: int,
        transport_sequence: int,
    ) -> None:
        """
        Write one header of `size_bytes`.

        Args:
            buffer: Writable memory.
            offset: Where the packet begins.
            marker: Whether this is the last packet of its picture.
            sequence: 16 bits.
            timestamp: 32 bits, 90 kHz.
            send_time: 24 bits, seconds in 6.18 fixed point (abs-send-time).
            transport_sequence: 16 bits, one count over all streams of a viewer.
        """
        self._pack_into(
            buffer,
            offset,
            _VERSION_AND_EXTENSION,
            self._payload_type | _MARKER if marker else self._payload_type,
            sequence,
            timestamp,
            self._ssrc,
            _ONE_BYTE_PROFILE,
            self._words,
            self._constant,
            self._time_mark | send_time if self._time_mark is not None else 0,
            self._sequence_mark,
            transport_sequence if self._sequence_mark else 0,
        )


def send_time_of(now_s: float) -> int:
    """Seconds of any clock as abs-send-time: 24 bits, 6.18 fixed point."""
    return int(now_s * (1 << ABS_SEND_TIME_FRACTION_BITS)) & 0xFFFFFF


def _element(extension_id: int, value: bytes) -> bytes:
    """One element of the one-byte form (RFC 8285 - 4.2), or as much padding."""
    if not 1 <= len(value) <= _MAX_ELEMENT_BYTES:
        return b""
    if not extension_id:
        return bytes(1 + len(value))
    return bytes([extension_id << 4 | len(value) - 1]) + value
