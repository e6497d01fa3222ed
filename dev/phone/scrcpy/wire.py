"""
What the server writes: device name, stream headers, packets and device messages. Pure.

See scrcpy - doc/develop.md, "Protocol".
"""

import struct

from dev.phone.geometry import Size

DEVICE_NAME_FIELD_BYTES = 64
_PACKET_FLAG_CONFIG = 1 << 63
_PACKET_FLAG_KEY_FRAME = 1 << 62
_CODEC_ID_H264 = int.from_bytes(b"h264", "big")
_MESSAGE_TYPE_CLIPBOARD = 0
_MESSAGE_TYPE_ACK_CLIPBOARD = 1
_CLIPBOARD_TEXT_MAX_BYTES = (1 << 18) - 5

# In the place of an audio codec id: the device cannot capture audio, the client goes on without.
AUDIO_DISABLED = bytes(4)


def device_name_field(name: str) -> bytes:
    """Return the 64-byte field with a device's name, padded with zeros."""
    return truncate_utf8(name, DEVICE_NAME_FIELD_BYTES - 1).ljust(DEVICE_NAME_FIELD_BYTES, b"\0")


def video_header(size: Size) -> bytes:
    """Return the H.264 stream's header: codec id, width, height."""
    return struct.pack(">III", _CODEC_ID_H264, size.width_px, size.height_px)


def config_header(size_bytes: int) -> bytes:
    """Return the header of a packet with SPS and PPS."""
    return struct.pack(">QI", _PACKET_FLAG_CONFIG, size_bytes)


def frame_header(size_bytes: int, *, pts_us: int, is_key: bool) -> bytes:
    """Return the header of a packet with one access unit."""
    flags = _PACKET_FLAG_KEY_FRAME if is_key else 0
    return struct.pack(">QI", pts_us | flags, size_bytes)


def clipboard_message(text: str) -> bytes:
    """Return the device message that gives the clipboard's text to the client."""
    data = truncate_utf8(text, _CLIPBOARD_TEXT_MAX_BYTES)
    return struct.pack(">BI", _MESSAGE_TYPE_CLIPBOARD, len(data)) + data


def clipboard_ack_message(sequence: int) -> bytes:
    """Return the device message that acknowledges a "set clipboard" message."""
    return struct.pack(">Bq", _MESSAGE_TYPE_ACK_CLIPBOARD, sequence)


def truncate_utf8(text: str, max_bytes: int) -> bytes:
    """Encode, leaving out whole characters at the end that do not fit."""
    return text.encode()[:max_bytes].decode("utf-8", "ignore").encode()
