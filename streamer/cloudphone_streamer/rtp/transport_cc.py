"""
Transport-wide feedback: which packets of all streams of a viewer have arrived, and when. Pure.

See draft-holmer-rmcat-transport-wide-cc-extensions-01 - 3.1.
"""

import struct
from dataclasses import dataclass
from itertools import accumulate

from cloudphone_streamer.rtp.errors import MalformedRtcp

_HEADER = struct.Struct("!HHI")
_CHUNK = struct.Struct("!H")
_SMALL_DELTA = 1
_LARGE_DELTA = 2

TICK_S = 0.000_25
REFERENCE_TICKS = 256
"""The reference time counts in 64 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFeedback:
    """
    What one feedback packet says.

    Args:
        base_sequence: Transport-wide sequence number of the first packet reported on.
        count: Feedback packets before this one, modulo 256.
        arrivals: One a packet from `base_sequence` on: None where it has not arrived, else its
            arrival by the viewer's clock in units of `TICK_S`.
    """

    base_sequence: int
    count: int
    arrivals: tuple[int | None, ...]


def parse_transport_feedback(body: bytes) -> TransportFeedback:
    """
    Read the body of a feedback packet, SSRCs excluded.

    Raises:
        MalformedRtcp: If it ends before all that it announces.
    """
    if len(body) < _HEADER.size:
        raise MalformedRtcp(f"transport feedback is {len(body)} bytes; expected at least 8")
    base_sequence, status_count, reference_and_count = _HEADER.unpack_from(body)
    symbols, position = _symbols(body, status_count)
    reference = reference_and_count >> 8
    # 3.1: the reference time is a signed 24-bit number.
    time = (reference - (1 << 24) if reference >> 23 else reference) * REFERENCE_TICKS
    arrivals: list[int | None]
    if symbols.count(_SMALL_DELTA) == len(symbols) <= len(body) - position:
        # All have arrived within 64 ms of each other: nearly every feedback is so.
        arrivals = list(accumulate(body[position : position + len(symbols)], initial=time))[1:]
    else:
        arrivals = _arrivals(body, symbols, position, time)
    return TransportFeedback(
        base_sequence=base_sequence,
        count=reference_and_count & 0xFF,
        arrivals=tuple(arrivals),
    )


def _arrivals(body: bytes, symbols: list[int], position: int, time: int) -> list[int | None]:
    """Arrival times by their deltas, the first of which is at `position`."""
    arrivals: list[int | None] = []
    for symbol in symbols:
        if symbol not in {_SMALL_DELTA, _LARGE_DELTA}:
            arrivals.append(None)
            continue
        size = symbol
        if position + size > len(body):
            raise MalformedRtcp("transport feedback ends before its receive deltas")
        # 3.1.5: small deltas are unsigned bytes, large ones signed words.
        time += int.from_bytes(
            body[position : position + size], "big", signed=symbol == _LARGE_DELTA
        )
        position += size
        arrivals.append(time)
    return arrivals


def _symbols(body: bytes, status_count: int) -> tuple[list[int], int]:
    """Status symbols of all packets, and where the deltas begin."""
    symbols: list[int] = []
    position = _HEADER.size
    while len(symbols) < status_count:
        if position + _CHUNK.size > len(body):
            raise MalformedRtcp(f"transport feedback ends before its {status_count} symbols")
        (chunk,) = _CHUNK.unpack_from(body, position)
        position += _CHUNK.size
        if not chunk >> 15:
            # 3.1.3: run length chunk, 2 bits of symbol and 13 of length.
            symbols += [chunk >> 13 & 3] * min(chunk & 0x1FFF, status_count - len(symbols))
            if not chunk & 0x1FFF:
                raise MalformedRtcp("transport feedback has a run of length 0")
        elif chunk >> 14 & 1:
            # 3.1.4: status vector of seven symbols of 2 bits.
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return symbols[:status_count], position
