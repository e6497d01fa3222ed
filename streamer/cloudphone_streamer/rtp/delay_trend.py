"""
Whether a queue grows on the way to a viewer, from when packets left and arrived. Pure.

The delay gradient of Google Congestion Control with the trendline filter that replaced its Kalman
filter. Each picture is one group, and its first packet stands for it: that one meets the queue
which earlier pictures have left, whatever its own picture's size.

See draft-ietf-rmcat-gcc-02 - 5.1 to 5.5; constants are those of libwebrtc's trendline estimator.
"""

from collections import deque
from enum import StrEnum
from operator import mul

_WINDOW_GROUPS = 20
_SMOOTHING = 0.9
_GAIN = 4.0
_MAX_GAIN_GROUPS = 60
_OVERUSE_TIME_MS = 10.0

_FIRST_THRESHOLD_MS = 12.5
_THRESHOLD_MIN_MS, _THRESHOLD_MAX_MS = 6.0, 600.0
_THRESHOLD_UP, _THRESHOLD_DOWN = 0.0087, 0.039
_THRESHOLD_OUTLIER_MS = 15.0
_THRESHOLD_MAX_STEP_MS = 100.0

_GAP_MS = 3_000.0
"""After such a pause nothing that was known of the queue counts."""

_BASE_WINDOW_MS = 15_000.0
"""Clocks drift apart by a millisecond or so in that time."""


class LinkUse(StrEnum):
    """What the delay says of the bottleneck."""

    NORMAL = "Normal"
    OVERUSED = "Overused"
    UNDERUSED = "Underused"


class DelayTrend:
    """Feed it one pair of times a picture, in order of sending."""

    def __init__(self) -> None:
        self.queue_ms = 0.0
        """Delay above the least of the last half minute at most."""
        self._threshold_ms = _FIRST_THRESHOLD_MS
        self._unjudged_ms = 0.0
        self._sent_ms: float | None = None
        self._arrived_ms = 0.0
        self._least_ms = self._next_least_ms = float("inf")
        self._least_since_ms = 0.0
        self._restart()

    def add(self, sent_ms: float, arrived_ms: float) -> None:
        """
        Take the times of one picture's first packet.

        Args:
            sent_ms: By the clock here.
            arrived_ms: By the viewer's clock, whatever its origin.
        """
        before_sent_ms, before_arrived_ms = self._sent_ms, self._arrived_ms
        self._sent_ms, self._arrived_ms = sent_ms, arrived_ms
        self._measure_queue(sent_ms, arrived_ms - sent_ms)
        if before_sent_ms is None:
            return
        sent_step_ms = sent_ms - before_sent_ms
        arrived_step_ms = arrived_ms - before_arrived_ms
        if not 0 <= sent_step_ms < _GAP_MS or not -_GAP_MS < arrived_step_ms < _GAP_MS:
            self._restart()
            return
        self._accumulated_ms += arrived_step_ms - sent_step_ms
        self._smoothed_ms += (1 - _SMOOTHING) * (self._accumulated_ms - self._smoothed_ms)
        self._groups += 1
        self._points.append((arrived_ms, self._smoothed_ms))
        self._unjudged_ms += sent_step_ms

    def judge(self) -> LinkUse:
        """What all pictures so far say of the bottleneck."""
        if len(self._points) == _WINDOW_GROUPS and self._unjudged_ms:
            self._detect(_slope(self._points), self._unjudged_ms)
            self._unjudged_ms = 0.0
        return self._use

    def _restart(self) -> None:
        self._use = LinkUse.NORMAL
        self._points: deque[tuple[float, float]] = deque(maxlen=_WINDOW_GROUPS)
        self._accumulated_ms = self._smoothed_ms = 0.0
        self._groups = 0
        self._slope_before = 0.0
        self._over_ms = 0.0
        self._unjudged_ms = 0.0

    def _measure_queue(self, now_ms: float, delay_ms: float) -> None:
        """The least of this window and the one before is the delay of an empty queue."""
        if now_ms - self._least_since_ms > _BASE_WINDOW_MS:
            self._least_ms, self._next_least_ms = self._next_least_ms, delay_ms
            self._least_since_ms = now_ms
        self._next_least_ms = min(self._next_least_ms, delay_ms)
        self._least_ms = min(self._least_ms, delay_ms)
        self.queue_ms = delay_ms - self._least_ms

    def _detect(self, slope: float, step_ms: float) -> None:
        """draft-ietf-rmcat-gcc-02 - 5.4: over-use lasts, and does not fall."""
        trend_ms = min(self._groups, _MAX_GAIN_GROUPS) * slope * _GAIN
        if trend_ms > self._threshold_ms:
            self._over_ms += step_ms
            if self._over_ms > _OVERUSE_TIME_MS and slope >= self._slope_before:
                self._use = LinkUse.OVERUSED
                self._over_ms = 0.0
        else:
            self._over_ms = 0.0
            self._use = LinkUse.UNDERUSED if trend_ms < -self._threshold_ms else LinkUse.NORMAL
        self._slope_before = slope
        self._adapt_threshold(abs(trend_ms), step_ms)

    def _adapt_threshold(self, trend_ms: float, step_ms: float) -> None:
        """
        Follow the trend slowly, so that competing TCP does not starve us.

        See draft-ietf-rmcat-gcc-02 - 5.4; a single spike is no reason.
        """
        excess_ms = trend_ms - self._threshold_ms
        if excess_ms > _THRESHOLD_OUTLIER_MS:
            return
        rate = _THRESHOLD_DOWN if excess_ms < 0 else _THRESHOLD_UP
        self._threshold_ms += rate * excess_ms * min(step_ms, _THRESHOLD_MAX_STEP_MS)
        self._threshold_ms = min(max(self._threshold_ms, _THRESHOLD_MIN_MS), _THRESHOLD_MAX_MS)


def _slope(points: deque[tuple[float, float]]) -> float:
    """Least-squares slope of delay over arrival time; 0 where all arrived at once."""
    # From the first arrival on: sums of squares of large numbers would lose all that counts.
    origin = points[0][0]
    xs = [x - origin for x, _ in points]
    ys = [y for _, y in points]
    count = len(points)
    sum_x = sum(xs)
    spread: float = count * sum(map(mul, xs, xs)) - sum_x * sum_x
    covariance: float = count * sum(map(mul, xs, ys)) - sum_x * sum(ys)
    return covariance / spread if spread > 0 else 0.0
