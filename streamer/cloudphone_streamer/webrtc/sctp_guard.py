"""
Refuses SCTP packets that would stall or confuse the stack below. Pure.

aiortc's SCTP trusts lengths inside chunks: a parameter of length 0 makes it loop for ever, and a
few gap blocks make it count to millions. A viewer is authenticated, but it may be hostile.

See RFC 9260 - 3. SCTP Packet Format.
"""

import struct

_COMMON_HEADER_BYTES = 12
_CHUNK_HEADER = struct.Struct("!BBH")
_PARAMETER_HEADER = struct.Struct("!HH")
_SACK = struct.Struct("!IIHH")
_GAP = struct.Struct("!HH")

_INIT = 1
_INIT_ACK = 2
_SACK_CHUNK = 3
_INIT_FIXED_BYTES = 16
_PARAMETERS_FROM = {
    _INIT: _INIT_FIXED_BYTES,
    _INIT_ACK: _INIT_FIXED_BYTES,
    4: 0,  # HEARTBEAT
    5: 0,  # HEARTBEAT ACK
    6: 0,  # ABORT
    9: 0,  # ERROR
    130: 0,  # RE-CONFIG
}
"""Chunk types that hold parameters, and where these begin."""

MAX_GAP_TSNS = 4096
"""Transmission sequence numbers that one SACK may report; our window holds far fewer."""


class MalformedSctp(ValueError):
    """A packet that is not given to the stack; the text says why."""


def check_sctp_packet(packet: bytes) -> None:
    """
    Refuse what the stack below cannot bear.

    Args:
        packet: One SCTP packet as DTLS delivered it.
    Raises:
        MalformedSctp: If a chunk or parameter contradicts its length, or a SACK is absurd.
    """
    position = _COMMON_HEADER_BYTES
    if len(packet) < position + _CHUNK_HEADER.size:
        raise MalformedSctp(f"SCTP packet is {len(packet)} bytes; expected at least 16")
    while position + _CHUNK_HEADER.size <= len(packet):
        kind, _, length = _CHUNK_HEADER.unpack_from(packet, position)
        if length < _CHUNK_HEADER.size or position + length > len(packet):
            raise MalformedSctp(f"SCTP chunk of type {kind} contradicts its length {length}")
        body = packet[position + _CHUNK_HEADER.size : position + length]
        parameters_from = _PARAMETERS_FROM.get(kind)
        if parameters_from is not None:
            _check_parameters(body, parameters_from, kind)
        elif kind == _SACK_CHUNK:
            _check_sack(body)
        position += length + -length % 4


def _check_parameters(body: bytes, start: int, kind: int) -> None:
    if len(body) < start:
        raise MalformedSctp(f"SCTP chunk of type {kind} is shorter than its fixed part")
    position = start
    while position + _PARAMETER_HEADER.size <= len(body):
        _, length = _PARAMETER_HEADER.unpack_from(body, position)
        if length < _PARAMETER_HEADER.size:
            raise MalformedSctp(f"SCTP parameter has length {length}; expected at least 4")
        position += length + -length % 4


def _check_sack(body: bytes) -> None:
    if len(body) < _SACK.size:
        raise MalformedSctp("SACK is shorter than its fixed part")
    _, _, gaps, duplicates = _SACK.unpack_from(body)
    if len(body) < _SACK.size + 4 * (gaps + duplicates):
        raise MalformedSctp(f"SACK has no room for {gaps} gaps and {duplicates} duplicates")
    reported = 0
    for position in range(gaps):
        first, last = _GAP.unpack_from(body, _SACK.size + _GAP.size * position)
        if last < first:
            raise MalformedSctp("SACK has a gap block that ends before it begins")
        reported += last - first + 1
    if reported > MAX_GAP_TSNS:
        raise MalformedSctp(f"SACK reports {reported} packets; expected at most {MAX_GAP_TSNS}")
