"""
The packets of the latest pictures, shared by all viewers.

`fanout` appends; each viewer's `sender` reads at its own position. What a viewer may still need is
here once, whoever asks: the pictures since the last key frame for one who joins or lags, and the
last packets for one who lost some.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cloudphone_streamer.rtp.clock import VIDEO_CLOCK_HZ
from cloudphone_streamer.rtp.packet import MAX_RUN_PACKETS, HeaderWriter

MAX_LOG_BYTES = 2 * 1024 * 1024
MAX_LOG_TICKS = 2 * VIDEO_CLOCK_HZ

HISTORY_PACKETS = 1024
"""Packets that can be sent again; a power of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    Packets in a row of one picture, of one size but for the last, which may be shorter.

    Args:
        first_index: Count of packets of the source before this run.
        payloads: RTP payloads; 1..MAX_RUN_PACKETS.
        ticks: RTP time of the picture, not cut to 32 bits.
        begins_key: Whether decoding can start at the first packet.
        ends_picture: Whether the last packet is the last of its picture.
    """

    first_index: int
    payloads: tuple[bytes, ...]
    ticks: int
    begins_key: bool
    ends_picture: bool

    @property
    def end_index(self) -> int:
        """Index after the last packet."""
        return self.first_index + len(self.payloads)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPacket:
    """One packet that may have to be sent again."""

    index: int
    payload: bytes
    ticks: int
    marker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedPicture:
    """One picture as it was put into packets."""

    payloads: tuple[bytes, ...]
    ticks: int
    is_key: bool


class PacketLog:
    """Runs are numbered from 0; a viewer's position is the number of the run it needs next."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._first_number = 0
        self._bytes = 0
        self._next_index = 0
        self._images: dict[tuple[int, bytes, int, int], bytes] = {}
        self._history: list[SentPacket | None] = [None] * HISTORY_PACKETS

    @property
    def first_number(self) -> int:
        """Number of the oldest run that is kept."""
        return self._first_number

    @property
    def end_number(self) -> int:
        """Number that the next run will get."""
        return self._first_number + len(self._runs)

    @property
    def is_joinable(self) -> bool:
        """Whether the oldest run begins a key frame: a viewer can start there."""
        return bool(self._runs) and self._runs[0].begins_key

    @property
    def latest_ticks(self) -> int:
        """RTP time of the latest picture; 0 before the first."""
        return self._runs[-1].ticks if self._runs else 0

    def run(self, number: int) -> Run:
        """One run that is kept: `first_number` <= `number` < `end_number`."""
        return self._runs[number - self._first_number]

    def pictures(self) -> list[LoggedPicture]:
        """All pictures since the last key frame; none where that one is no longer here."""
        pictures: list[LoggedPicture] = []
        if not self.is_joinable:
            return pictures
        payloads: list[bytes] = []
        for run in self._runs:
            payloads += run.payloads
            if run.ends_picture:
                pictures.append(
                    LoggedPicture(payloads=tuple(payloads), ticks=run.ticks, is_key=not pictures)
                )
                payloads = []
        return pictures

    def append(self, payloads: Sequence[bytes], *, ticks: int, is_key: bool) -> None:
        """Add the packets of one picture; a key frame makes all before it superfluous."""
        if is_key:
            self._forget(len(self._runs))
        self._images.clear()
        for start, end in _equal_size_runs(payloads):
            run = Run(
                first_index=self._next_index,
                payloads=tuple(payloads[start:end]),
                ticks=ticks,
                begins_key=is_key and start == 0,
                ends_picture=end == len(payloads),
            )
            self._runs.append(run)
            self._bytes += sum(map(len, run.payloads))
            self._remember(run)
            self._next_index = run.end_index
        self._trim()

    def image(self, run: Run, writer: HeaderWriter, timestamp: int, trailer_bytes: int) -> bytes:
        """
        Lay out a run for viewers with this layout of headers.

        That of the latest picture is kept, since all viewers are about to ask for it.

        Args:
            run: Which.
            writer: Of the viewer.
            timestamp: 32 bits, as this viewer is told it.
            trailer_bytes: Room behind each packet.
        """
        if run.ticks != self.latest_ticks:
            return _image(run, writer, timestamp, trailer_bytes)
        key = (run.first_index, writer.layout, timestamp, trailer_bytes)
        image = self._images.get(key)
        if image is None:
            image = self._images[key] = _image(run, writer, timestamp, trailer_bytes)
        return image

    def sent_packet(self, index: int) -> SentPacket | None:
        """Packet to be sent again, or None where it is too old or unknown."""
        packet = self._history[index % HISTORY_PACKETS]
        return packet if packet is not None and packet.index == index else None

    def _remember(self, run: Run) -> None:
        last = len(run.payloads) - 1
        for position, payload in enumerate(run.payloads):
            index = run.first_index + position
            self._history[index % HISTORY_PACKETS] = SentPacket(
                index=index,
                payload=payload,
                ticks=run.ticks,
                marker=run.ends_picture and position == last,
            )

    def _trim(self) -> None:
        oldest_ticks = self.latest_ticks - MAX_LOG_TICKS
        count = 0
        excess_bytes = self._bytes - MAX_LOG_BYTES
        for run in self._runs:
            if run.ticks >= oldest_ticks and excess_bytes <= 0:
                break
            excess_bytes -= sum(map(len, run.payloads))
            count += 1
        self._forget(count)

    def _forget(self, count: int) -> None:
        self._bytes -= sum(len(p) for run in self._runs[:count] for p in run.payloads)
        del self._runs[:count]
        self._first_number += count


def _image(run: Run, writer: HeaderWriter, timestamp: int, trailer_bytes: int) -> bytes:
    return writer.image(
        run.payloads,
        timestamp=timestamp,
        ends_picture=run.ends_picture,
        trailer_bytes=trailer_bytes,
    )


def _equal_size_runs(payloads: Sequence[bytes]) -> list[tuple[int, int]]:
    """
    Bounds of the longest runs whose payloads have one size, the last of a run at most that.

    An odd size makes a run of its own, since `HeaderWriter.fill` counts in 16-bit words.
    """
    bounds = []
    start = 0
    for position in range(1, len(payloads) + 1):
        if (
            position == len(payloads)
            or position - start == MAX_RUN_PACKETS
            or len(payloads[start]) % 2
            or len(payloads[position]) > len(payloads[start])
            or len(payloads[position - 1]) < len(payloads[start])
        ):
            bounds.append((start, position))
            start = position
    return bounds
