"""
Which rung of the ladder a viewer is on: down fast, up slow. Pure.

`fanout` asks once a second. Nothing probes for more: a step up is a try, and one that fails makes
the next wait longer, so that a viewer on a narrow link is not disturbed every ten seconds.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cloudphone_streamer.encode.rungs import Rung

_DOWN_AFTER_S = 2.0
_UP_AFTER_S = 10.0
_UP_AFTER_MAX_S = 160.0
_SETTLE_S = 2.0
"""After a change: the queue that the old rung left drains, and feedback on it still comes."""

_HIGH_LOSS = 0.10
_LOW_LOSS = 0.02
_SEVERE_LOSS = 0.40
"""No picture survives this; there is nothing to wait for."""
_USABLE = 0.85
"""Of what arrives on an overused link; the rest drains the queue."""

MAX_KEY_FRAME_REQUESTS = 3
_KEY_FRAME_WINDOW_S = 10.0
_LEAST_REQUEST_INTERVAL_S = 0.5
"""Repeats of one request count once."""


class RungReason(StrEnum):
    """Why a viewer was moved."""

    OVERUSE = "Overuse"
    LOSS = "Loss"
    KEY_FRAME_REQUESTS = "KeyFrameRequests"
    HEADROOM = "Headroom"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReport:
    """
    How a viewer's path does.

    Args:
        is_overused: Whether its queue grew or stood high in the last second.
        loss: Of the last second; 0..1.
        throughput_bps: What arrives; None: not known.
    """

    is_overused: bool
    loss: float
    throughput_bps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RungChange:
    """A move that has been decided."""

    rung: Rung
    reason: RungReason


class RungPolicy:
    """
    One viewer's place on its ladder.

    Args:
        ladder: Rungs, the best first.
        now_s: Monotonic time.
    """

    def __init__(self, ladder: Sequence[Rung], now_s: float) -> None:
        self._ladder = ladder
        self._position = 0
        self._changed_s = now_s
        self._bad_since: dict[RungReason, float] = {}
        self._good_since_s: float | None = None
        self._up_after_s = _UP_AFTER_S
        self._went_up = False
        self._requests_s: deque[float] = deque(maxlen=MAX_KEY_FRAME_REQUESTS + 1)

    @property
    def rung(self) -> Rung:
        """Where the viewer belongs."""
        return self._ladder[self._position]

    def on_key_frame_request(self, now_s: float) -> None:
        """The viewer has asked for a key frame."""
        if not self._requests_s or now_s - self._requests_s[-1] >= _LEAST_REQUEST_INTERVAL_S:
            self._requests_s.append(now_s)

    def observe(self, path: PathReport, now_s: float) -> RungChange | None:
        """
        Judge the last second; to be called once a second.

        Returns:
            The move that is due, if any; from then on the viewer counts as moved.
        """
        if now_s - self._changed_s < _SETTLE_S:
            return None
        reason = self._reason_to_go_down(path, now_s)
        if reason is not None:
            return self._go_down(reason, path, now_s)
        is_good = (
            not path.is_overused
            and path.loss < _LOW_LOSS
            and not self._requests_within(now_s, _DOWN_AFTER_S)
        )
        if not is_good:
            self._good_since_s = None
            return None
        if self._good_since_s is None:
            self._good_since_s = now_s
        good_s = now_s - self._good_since_s
        if self._went_up and good_s >= _UP_AFTER_S:
            # The step up has proved right.
            self._went_up = False
            self._up_after_s = _UP_AFTER_S
        if self._position and good_s >= self._up_after_s:
            self._went_up = True
            return self._change(self._position - 1, RungReason.HEADROOM, now_s)
        return None

    def _reason_to_go_down(self, path: PathReport, now_s: float) -> RungReason | None:
        if path.loss > _SEVERE_LOSS:
            return RungReason.LOSS
        signs = {
            RungReason.LOSS: path.loss > _HIGH_LOSS,
            RungReason.OVERUSE: path.is_overused,
        }
        for reason, is_seen in signs.items():
            if not is_seen:
                self._bad_since.pop(reason, None)
            elif now_s - self._bad_since.setdefault(reason, now_s) >= _DOWN_AFTER_S - 1:
                # The first sign already stands for the second before it.
                return reason
        if self._requests_within(now_s, _KEY_FRAME_WINDOW_S) > MAX_KEY_FRAME_REQUESTS:
            return RungReason.KEY_FRAME_REQUESTS
        return None

    def _go_down(self, reason: RungReason, path: PathReport, now_s: float) -> RungChange | None:
        lowest = len(self._ladder) - 1
        if self._position == lowest:
            self._good_since_s = None
            return None
        position = self._position + 1
        if reason is not RungReason.KEY_FRAME_REQUESTS and path.throughput_bps is not None:
            usable_bps = _USABLE * path.throughput_bps
            while position < lowest and self._ladder[position].bitrate_bps > usable_bps:
                position += 1
        if self._went_up:
            self._up_after_s = min(2 * self._up_after_s, _UP_AFTER_MAX_S)
            self._went_up = False
        return self._change(position, reason, now_s)

    def _change(self, position: int, reason: RungReason, now_s: float) -> RungChange:
        self._position = position
        self._changed_s = now_s
        self._bad_since.clear()
        self._good_since_s = None
        self._requests_s.clear()
        return RungChange(rung=self.rung, reason=reason)

    def _requests_within(self, now_s: float, seconds: float) -> int:
        return sum(now_s - at_s < seconds for at_s in self._requests_s)
