"""
The video socket of scrcpy's server 2.0 to 3.3.4, as packets; pure. Numbers are big-endian.

    1    zero: somebody listens
    64   name of the device, padded with zeros
    4    codec: "h264", or 0 (disabled), or 1 (failed)
    8    width and height at the start
    then for each packet
    8    bit 63: parameter sets; bit 62: key frame; the rest: microseconds
    4    size
    ...  Annex B byte stream

See `Streamer.java` and `DesktopConnection.java` of scrcpy.
"""

import struct
from dataclasses import dataclass

from cloudphone_streamer.capture.errors import CaptureFailure

MAX_PACKET_BYTES = 8 * 1024 * 1024
"""
Largest packet that we take.

Far above a key frame at 100 Mbps, and a bound to what a hostile phone can make us hold
(compare CVE-2025-34449, where scrcpy's own client trusted a length).
"""

_DUMMY_BYTES = 1
_DEVICE_NAME_BYTES = 64
_CODEC = struct.Struct(">I")
_SIZE = struct.Struct(">II")
_PACKET_HEADER = struct.Struct(">QI")

_CODEC_H264 = int.from_bytes(b"h264", "big")
_CODEC_DISABLED = 0
_CODEC_FAILED = 1
_FLAG_CONFIG = 1 << 63
_FLAG_KEY_FRAME = 1 << 62
_PTS_MASK = _FLAG_KEY_FRAME - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPacket:
    """
    What the phone's encoder yielded at once.

    Args:
        data: Annex B byte stream.
        pts_us: Capture time; 0 for parameter sets.
    """

    data: bytes
    pts_us: int


class VideoDemuxer:
    """
    Cuts the bytes of the video socket into packets.

    Holds at most one packet and what came with it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._preamble_left = [_DUMMY_BYTES + _DEVICE_NAME_BYTES, _CODEC.size, _SIZE.size]
        self._header: tuple[int, int] | None = None

    def feed(self, data: bytes) -> list[VideoPacket]:
        """
        Take the next bytes; the packets that they complete.

        Raises:
            CaptureFailure: If the server cannot encode, or this is no scrcpy 3.3.4.
        """
        self._buffer += data
        packets: list[VideoPacket] = []
        while self._preamble_left:
            if len(self._buffer) < self._preamble_left[0]:
                return packets
            self._check_preamble(self._take(self._preamble_left.pop(0)))
        while True:
            if self._header is None:
                if len(self._buffer) < _PACKET_HEADER.size:
                    return packets
                self._header = _parse_packet_header(self._take(_PACKET_HEADER.size))
            pts_us, size = self._header
            if len(self._buffer) < size:
                return packets
            self._header = None
            packets.append(VideoPacket(data=self._take(size), pts_us=pts_us))

    def _take(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            data = bytes(view[:size])
        del self._buffer[:size]
        return data

    def _check_preamble(self, part: bytes) -> None:
        if len(part) != _CODEC.size:
            # The device's name is of no use, and the size comes with the first SPS.
            return
        codec = _CODEC.unpack(part)[0]
        if codec in (_CODEC_DISABLED, _CODEC_FAILED):
            raise CaptureFailure(
                "ScrcpyServerFailed",
                "the scrcpy server could not start the phone's H.264 encoder; "
                "check that the Android image has one",
                needs_person=False,
            )
        if codec != _CODEC_H264:
            raise CaptureFailure(
                "ScrcpyServerFailed",
                f"codec is {codec:#010x}; expected h264 ({_CODEC_H264:#010x})",
                needs_person=False,
            )


def _parse_packet_header(header: bytes) -> tuple[int, int]:
    """Time in microseconds, and size."""
    pts_and_flags, size = _PACKET_HEADER.unpack(header)
    if not 0 < size <= MAX_PACKET_BYTES:
        raise CaptureFailure(
            "ScrcpyServerFailed",
            f"video packet is {size} bytes; expected 1..{MAX_PACKET_BYTES}",
            needs_person=False,
        )
    is_config = pts_and_flags & _FLAG_CONFIG
    return 0 if is_config else pts_and_flags & _PTS_MASK, size
