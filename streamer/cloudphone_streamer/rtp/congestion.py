"""
What the way to one viewer can carry, from its transport-wide feedback. Pure.

`sender` tells what it sends, `webrtc` hands over what has arrived, `rung_policy` reads the verdict.
Costs one entry a run of packets on the way out: nothing is kept for each packet.

See draft-ietf-rmcat-gcc-02 - 5.5 (delay), 6 (loss).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from cloudphone_streamer.rtp.delay_trend import DelayTrend, LinkUse
from cloudphone_streamer.rtp.transport_cc import TICK_S, TransportFeedback

FLOOR_BPS = 100_000
FIRST_TARGET_BPS = 8_000_000

_MAX_MISSING = 2048
"""Packets that may still arrive late; older ones are lost."""

_MAX_RUNS = 1024
"""Some seconds of pictures; feedback comes within 250 ms."""

_DECREASE = 0.85
_INCREASE_PER_S = 1.08
_ABOVE_THROUGHPUT = 1.5
_ABOVE_THROUGHPUT_BPS = 10_000
_LEAST_DECREASE_INTERVAL_S = 0.3
_RATE_WINDOW_S = 1.0

_HIGH_LOSS = 0.10
_LOW_LOSS = 0.02

_LEAST_QUEUE_MS = 20.0
"""Below it a trend is the pace of a busy machine; links with shorter queues show by loss."""

MAX_QUEUE_MS = 200.0
"""A queue that stands, though it grows no more, is overuse, too: a touch would wait in it."""


@dataclass(slots=True)
class _Run:
    first_index: int
    end_index: int
    sent_s: float
    packet_bytes: int


class CongestionEstimator:
    """Send-side estimate of one viewer's path, over all its streams."""

    def __init__(self) -> None:
        self.target_bps = float(FIRST_TARGET_BPS)
        """What may be sent; never below FLOOR_BPS."""
        self.throughput_bps = 0.0
        """What has arrived, over the last second."""
        self._trend = DelayTrend()
        self._runs: deque[_Run] = deque(maxlen=_MAX_RUNS)
        self._next_index = 0
        self._reported_index = 0
        self._missing: set[int] = set()
        self._reports: deque[tuple[float, int, int, int]] = deque()
        # Sums over `_reports`.
        self._reported = self._arrived = self._arrived_bytes = 0
        self._updated_s: float | None = None
        self._decreased_s = float("-inf")
        self._overused_s = float("-inf")

    @property
    def has_feedback(self) -> bool:
        """Whether this viewer has reported at all."""
        return self._updated_s is not None

    def is_overused(self, now_s: float, *, within_s: float) -> bool:
        """Whether the path was overused at any time of the last `within_s`."""
        return now_s - self._overused_s < within_s

    def loss(self, now_s: float) -> float:
        """Share of packets that had not arrived when reported on, in the last second; 0..1."""
        self._forget_old_reports(now_s)
        if not self._reported:
            return 0.0
        # What came late counts when it came, perhaps for packets reported before this second.
        return max(0.0, 1 - self._arrived / self._reported)

    def on_sent(self, count: int, packet_bytes: int, now_s: float) -> None:
        """
        Take note of packets with the next transport-wide sequence numbers.

        Args:
            count: At least 1.
            packet_bytes: About the size of each.
            now_s: Monotonic time.
        """
        first_index = self._next_index
        self._next_index = end_index = first_index + count
        latest = self._runs[-1] if self._runs else None
        if latest is not None and latest.sent_s == now_s:
            # Of the same picture, which is one group for the trend.
            before = latest.end_index - latest.first_index
            latest.packet_bytes = (before * latest.packet_bytes + count * packet_bytes) // (
                before + count
            )
            latest.end_index = end_index
        else:
            self._runs.append(_Run(first_index, end_index, now_s, packet_bytes))

    def on_feedback(self, feedback: TransportFeedback, now_s: float) -> None:
        """Take one feedback packet; what an earlier one reported to have arrived is left out."""
        arrivals = feedback.arrivals
        # The newest index with these low 16 bits that has been sent.
        first_index = (
            self._next_index - 1 - (self._next_index - 1 - feedback.base_sequence & 0xFFFF)
        )
        end_index = first_index + len(arrivals)
        if end_index > self._next_index or first_index < 0:
            # It speaks of packets that were never sent.
            return
        begin_index = max(first_index, self._reported_index)
        reported = arrived_bytes = 0
        arrived = self._take_late(first_index, arrivals) if self._missing else 0
        self._reported_index = max(self._reported_index, end_index)
        while self._runs and self._runs[0].first_index < end_index:
            run = self._runs[0]
            if run.end_index <= begin_index:
                self._runs.popleft()
                continue
            start = max(run.first_index, begin_index)
            end = min(run.end_index, end_index)
            times = arrivals[start - first_index : end - first_index]
            missing = times.count(None)
            if missing:
                self._missing.update(
                    start + offset for offset, time in enumerate(times) if time is None
                )
            reported += len(times)
            arrived += len(times) - missing
            arrived_bytes += (len(times) - missing) * run.packet_bytes
            if start == run.first_index and times[0] is not None:
                self._trend.add(run.sent_s * 1000, times[0] * TICK_S * 1000)
            if end < run.end_index:
                break
            self._runs.popleft()
        if reported or arrived:
            if self._is_overused_now():
                self._overused_s = now_s
            self._count(now_s, reported, arrived, arrived_bytes)
            self._adapt(now_s)

    def _take_late(self, first_index: int, arrivals: Sequence[int | None]) -> int:
        """
        Count what was missing and has arrived after all: overtaken on its way, not lost.

        Receivers go back in a later report to the packet that came late.
        """
        late = [
            index
            for index in self._missing
            if 0 <= index - first_index < len(arrivals)
            and arrivals[index - first_index] is not None
        ]
        self._missing.difference_update(late)
        oldest = self._reported_index - _MAX_MISSING
        if min(self._missing, default=oldest) < oldest:
            self._missing = {index for index in self._missing if index >= oldest}
        return len(late)

    def _is_overused_now(self) -> bool:
        queue_ms = self._trend.queue_ms
        if queue_ms <= _LEAST_QUEUE_MS:
            # Almost always: the trend, which costs most, need not be known.
            return False
        return queue_ms > MAX_QUEUE_MS or self._trend.judge() is LinkUse.OVERUSED

    def _count(self, now_s: float, reported: int, arrived: int, arrived_bytes: int) -> None:
        reports = self._reports
        reports.append((now_s, reported, arrived, arrived_bytes))
        self._reported += reported
        self._arrived += arrived
        self._arrived_bytes += arrived_bytes
        self._forget_old_reports(now_s)
        # Half the window at least, or the first report would count as a flood.
        span_s = max(now_s - reports[0][0], _RATE_WINDOW_S / 2)
        self.throughput_bps = 8 * self._arrived_bytes / span_s

    def _forget_old_reports(self, now_s: float) -> None:
        while self._reports and self._reports[0][0] <= now_s - _RATE_WINDOW_S:
            _, reported, arrived, arrived_bytes = self._reports.popleft()
            self._reported -= reported
            self._arrived -= arrived
            self._arrived_bytes -= arrived_bytes

    def _adapt(self, now_s: float) -> None:
        elapsed_s = 0.0 if self._updated_s is None else min(now_s - self._updated_s, 1.0)
        self._updated_s = now_s
        may_decrease = now_s - self._decreased_s > _LEAST_DECREASE_INTERVAL_S
        if self.is_overused(now_s, within_s=_LEAST_DECREASE_INTERVAL_S):
            if may_decrease:
                self._decrease(min(self.target_bps, _DECREASE * self.throughput_bps), now_s)
            return
        loss = self.loss(now_s)
        if loss > _HIGH_LOSS:
            if may_decrease:
                self._decrease(self.target_bps * (1 - 0.5 * loss), now_s)
        elif loss < _LOW_LOSS:
            # What was never sent says nothing of what could be.
            limit_bps = _ABOVE_THROUGHPUT * self.throughput_bps + _ABOVE_THROUGHPUT_BPS
            raised_bps = min(self.target_bps * _INCREASE_PER_S**elapsed_s, limit_bps)
            self.target_bps = max(self.target_bps, raised_bps)

    def _decrease(self, target_bps: float, now_s: float) -> None:
        self.target_bps = max(target_bps, FLOOR_BPS)
        self._decreased_s = now_s
