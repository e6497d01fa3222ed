"""
VP8 into RTP payloads, RFC 7741.

Called once a picture by `fanout`, however many viewers there are; knows nothing of headers.
"""

from collections.abc import Sequence

from cloudphone_streamer.rtp.errors import PacketizationError

_START_OF_PARTITION = b"\x10"
_CONTINUATION = b"\x00"
_DESCRIPTOR_BYTES = 1


def packetize(parts: Sequence[bytes], max_payload_bytes: int) -> list[bytes]:
    """
    Put one frame into RTP payloads of one size, the last maybe shorter.

    The descriptor is its one mandatory byte: without temporal layers a receiver orders frames by
    sequence numbers, and picture ids would jump where a viewer moves to another rung.

    See RFC 7741 - 4.2. VP8 Payload Descriptor.

    Args:
        parts: The frame (RFC 6386 - 9), in one part.
        max_payload_bytes: Payload limit, RTP header excluded; at least 2.
    Returns:
        Payloads in send order.
    Raises:
        PacketizationError: If the frame is empty.
    """
    frame = b"".join(parts)
    if not frame:
        raise PacketizationError("VP8 frame is 0 bytes; expected at least 1")
    count = -(-len(frame) // (max_payload_bytes - _DESCRIPTOR_BYTES))
    # With its descriptor a payload is of an even size: several of an odd one are not sent at once.
    size = min(-(-len(frame) // count) | 1, max_payload_bytes - _DESCRIPTOR_BYTES)
    # Only the first packet of the first partition has S set; a frame is sent as one partition,
    # which receivers must not split by (RFC 7741 - 4.2: PID 0).
    return [
        (_CONTINUATION if start else _START_OF_PARTITION) + frame[start : start + size]
        for start in range(0, len(frame), size)
    ]
