"""
RTP headers with one block of header extensions, RFC 3550 and RFC 8285.

The block has one length for the whole life of a stream, whatever was negotiated: an extension
that was not is left as padding. So every packet of a picture has one size, which UDP segmentation
offload needs, and the packets of a run are laid out once for all viewers.
"""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_VERSION_AND_EXTENSION = 0x90
_ONE_BYTE_PROFILE = 0xBEDE
_MARKER = 0x80
_MAX_ELEMENT_BYTES = 16
_FIXED_HEADER_BYTES = 16
"""RFC 3550's header and the four bytes in front of the extension block."""

_WORD_BYTES = 4

_PLAYOUT_DELAY_BYTES = 3
_ABS_SEND_TIME_BYTES = 3
_SEQUENCE_BYTES = 2

ABS_SEND_TIME_FRACTION_BITS = 18

MAX_RUN_PACKETS = 40
"""Packets that are handed to the kernel at once: below 64 segments and 64 KiB of a UDP send."""

_HALVES = struct.Struct("=HH")

_SEQUENCES = memoryview(
    array(
        "H",
        struct.pack(f"!{(1 << 16) + MAX_RUN_PACKETS}H", *range(1 << 16), *range(MAX_RUN_PACKETS)),
    )
)
"""All 16-bit numbers in network order, and the first ones once more: a slice never wraps."""


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

    What differs from viewer to viewer lies at even offsets, so that `fill` writes it into all
    packets of a run by a few strided copies instead of one call a packet.

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
        # Layout: abs-send-time (4), one byte of padding and the transport-wide sequence number (4),
        # constant elements, padding.
        used_bytes = 2 * _WORD_BYTES + len(constant)
        padding_bytes = -used_bytes % _WORD_BYTES
        self._pack = struct.Struct(f"!BBHIIHHII{len(constant)}s{padding_bytes}x").pack
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._constant = constant
        self._words = (used_bytes + padding_bytes) // _WORD_BYTES
        self._time_mark = (
            (extensions.abs_send_time << 4 | _ABS_SEND_TIME_BYTES - 1) << 24
            if extensions.abs_send_time
            else None
        )
        self._sequence_mark = (
            (extensions.transport_sequence << 4 | _SEQUENCE_BYTES - 1) << 16
            if extensions.transport_sequence
            else None
        )
        self._ssrc_columns = _columns(ssrc, MAX_RUN_PACKETS)
        self.size_bytes = _FIXED_HEADER_BYTES + self._words * _WORD_BYTES
        self.layout = self._header(marker=False, timestamp=0)
        """Equal for all writers whose images are interchangeable."""

    def write(  # noqa: PLR0917 - as the fields of a header are read
        self,
        buffer: memoryview,
        marker: bool,
        sequence: int,
        timestamp: int,
        send_time: int,
        transport_sequence: int,
    ) -> None:
        """
        Write one header of `size_bytes` at the start of `buffer`.

        Args:
            buffer: Writable memory.
            marker: Whether this is the last packet of its picture.
            sequence: 16 bits.
            timestamp: 32 bits, 90 kHz.
            send_time: 24 bits, seconds in 6.18 fixed point (abs-send-time).
            transport_sequence: 16 bits, one count over all streams of a viewer.
        """
        buffer[: self.size_bytes] = self._header(marker=marker, timestamp=timestamp)
        self.fill(buffer.cast("H"), 1, 0, sequence, send_time, transport_sequence)

    def image(
        self, payloads: Sequence[bytes], *, timestamp: int, ends_picture: bool, trailer_bytes: int
    ) -> bytes:
        """
        Lay out the packets of a run, but for what `fill` writes.

        Args:
            payloads: In send order.
            timestamp: 32 bits, 90 kHz.
            ends_picture: Whether the last packet gets the marker.
            trailer_bytes: Room behind each packet.
        """
        header = self._header(marker=False, timestamp=timestamp)
        trailer = bytes(trailer_bytes)
        parts = [part for payload in payloads for part in (header, payload, trailer)]
        if ends_picture:
            parts[-3] = self._header(marker=True, timestamp=timestamp)
        return b"".join(parts)

    def fill(  # noqa: PLR0917 - once a run and viewer
        self,
        words: memoryview,
        count: int,
        stride_bytes: int,
        sequence: int,
        send_time: int,
        transport_sequence: int,
    ) -> None:
        """
        Write what is this viewer's own into the headers of an image.

        Args:
            words: The buffer that the image was copied to the start of, as 16-bit words.
            count: Number of packets, at most MAX_RUN_PACKETS.
            stride_bytes: From packet to packet; even where there is more than one.
            sequence: 16 bits, of the first packet.
            send_time: 24 bits, of all packets.
            transport_sequence: 16 bits, of the first packet.
        """
        step = stride_bytes // 2 or 1
        end = (count - 1) * step + 1
        high, low = self._ssrc_columns
        words[1 : end + 1 : step] = _SEQUENCES[sequence : sequence + count]
        words[4 : end + 4 : step] = high[:count]
        words[5 : end + 5 : step] = low[:count]
        if self._time_mark is not None:
            high, low = _columns(self._time_mark | send_time, count)
            words[8 : end + 8 : step] = high
            words[9 : end + 9 : step] = low
        if self._sequence_mark is not None:
            words[11 : end + 11 : step] = _SEQUENCES[
                transport_sequence : transport_sequence + count
            ]

    def _header(self, *, marker: bool, timestamp: int) -> bytes:
        return self._pack(
            _VERSION_AND_EXTENSION,
            self._payload_type | _MARKER if marker else self._payload_type,
            0,
            timestamp,
            0,
            _ONE_BYTE_PROFILE,
            self._words,
            self._time_mark or 0,
            self._sequence_mark or 0,
            self._constant,
        )


def send_time_of(now_s: float) -> int:
    """Seconds of any clock as abs-send-time: 24 bits, 6.18 fixed point."""
    return int(now_s * (1 << ABS_SEND_TIME_FRACTION_BITS)) & 0xFFFFFF


@lru_cache(maxsize=64)
def _columns(value: int, count: int) -> tuple[memoryview, memoryview]:
    """
    Both halves of a 32-bit field, most significant first, `count` times.

    Kept, since all viewers of a picture have one send time.
    """
    high, low = _HALVES.unpack(value.to_bytes(_WORD_BYTES, "big"))
    return memoryview(array("H", [high]) * count), memoryview(array("H", [low]) * count)


def _element(extension_id: int, value: bytes) -> bytes:
    """One element of the one-byte form (RFC 8285 - 4.2), or as much padding."""
    if not 1 <= len(value) <= _MAX_ELEMENT_BYTES:
        return b""
    if not extension_id:
        return bytes(1 + len(value))
    return bytes([extension_id << 4 | len(value) - 1]) + value
