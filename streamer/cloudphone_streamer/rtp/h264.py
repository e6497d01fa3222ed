"""
H.264 into RTP payloads, RFC 6184 with packetization-mode=1.

Called once a picture by `fanout`, however many viewers there are; knows nothing of headers.
`reassemble` is the way back, for the pictures that a transcode begins with.
"""

from collections.abc import Sequence

from cloudphone_streamer.rtp.errors import PacketizationError

_STAP_A = 24
_FU_A = 28
_FU_START = 0x80
_FU_END = 0x40
_FORBIDDEN_AND_NRI = 0xE0
_NRI = 0x60
_TYPE = 0x1F

_STAP_A_HEADER_BYTES = 1
_STAP_A_SIZE_BYTES = 2
_FU_A_HEADER_BYTES = 2


def packetize(nals: Sequence[bytes], max_payload_bytes: int) -> list[bytes]:
    """
    Put the NAL units of one picture into RTP payloads.

    Neighbours that fit together share one payload, so SPS and PPS cost no packet each. A unit
    that fits no payload is cut into fragments of one size: UDP segmentation offload asks that
    only the last packet of a send be shorter.

    See RFC 6184 - 5.6. Single NAL Unit Packet, 5.7.1. STAP-A, 5.8. FU-A.

    Args:
        nals: NAL units without start codes, in decoding order.
        max_payload_bytes: Payload limit, RTP header excluded; at least 3.
    Returns:
        Payloads in send order, each at most `max_payload_bytes`.
    Raises:
        PacketizationError: If a NAL unit is empty.
    """
    payloads: list[bytes] = []
    together: list[bytes] = []
    together_bytes = _STAP_A_HEADER_BYTES
    for nal in nals:
        if not nal:
            raise PacketizationError("NAL unit is 0 bytes; expected at least its header byte")
        added_bytes = _STAP_A_SIZE_BYTES + len(nal)
        if together and together_bytes + added_bytes > max_payload_bytes:
            payloads.append(_aggregate(together))
            together = []
            together_bytes = _STAP_A_HEADER_BYTES
        if len(nal) > max_payload_bytes:
            payloads.extend(_fragment(nal, max_payload_bytes))
        else:
            together.append(nal)
            together_bytes += added_bytes
    if together:
        payloads.append(_aggregate(together))
    return payloads


def _aggregate(nals: Sequence[bytes]) -> bytes:
    """One payload of all units: as it is when there is one, else a STAP-A."""
    if len(nals) == 1:
        return nals[0]
    # RFC 6184 - 5.7.1: NRI is the highest of the units, F is set when one of them has it set.
    importance = max(nal[0] & _NRI for nal in nals)
    forbidden = max(nal[0] & 0x80 for nal in nals)
    parts = [bytes([forbidden | importance | _STAP_A])]
    for nal in nals:
        parts.append(len(nal).to_bytes(_STAP_A_SIZE_BYTES, "big"))
        parts.append(nal)
    return b"".join(parts)


def _fragment(nal: bytes, max_payload_bytes: int) -> list[bytes]:
    """FU-A payloads of one unit, of one size but for the last."""
    indicator = nal[0] & _FORBIDDEN_AND_NRI | _FU_A
    nal_type = nal[0] & _TYPE
    body_bytes = len(nal) - 1
    count = -(-body_bytes // (max_payload_bytes - _FU_A_HEADER_BYTES))
    # An even number: several packets of an odd size are not sent at once.
    fragment_bytes = min(-(-body_bytes // count) + 1 & ~1, max_payload_bytes - _FU_A_HEADER_BYTES)
    payloads = []
    for start in range(1, len(nal), fragment_bytes):
        end = start + fragment_bytes
        flags = (_FU_START if start == 1 else 0) | (_FU_END if end >= len(nal) else 0)
        payloads.append(bytes([indicator, flags | nal_type]) + nal[start:end])
    return payloads


def reassemble(payloads: Sequence[bytes]) -> tuple[bytes, ...]:
    """
    Undo `packetize`.

    Args:
        payloads: All payloads of one picture, in order.
    Returns:
        Its NAL units.
    """
    nals: list[bytes] = []
    fragments: list[bytes] = []
    for payload in payloads:
        nal_type = payload[0] & _TYPE
        # A phone may send units of these types itself; they end up as what they look like.
        if nal_type == _FU_A and len(payload) > _FU_A_HEADER_BYTES:
            if payload[1] & _FU_START:
                fragments = [bytes([payload[0] & _FORBIDDEN_AND_NRI | payload[1] & _TYPE])]
            fragments.append(payload[_FU_A_HEADER_BYTES:])
            if payload[1] & _FU_END:
                nals.append(b"".join(fragments))
        elif nal_type == _STAP_A:
            position = _STAP_A_HEADER_BYTES
            while position < len(payload):
                begin = position + _STAP_A_SIZE_BYTES
                position = begin + int.from_bytes(payload[position:begin], "big")
                nals.append(payload[begin:position])
        else:
            nals.append(payload)
    return tuple(nals)
