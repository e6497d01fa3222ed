"""The estimate on links that are made up: packets wait in a queue, feedback comes back."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudphone_streamer.rtp.congestion import FIRST_TARGET_BPS, FLOOR_BPS, CongestionEstimator
from cloudphone_streamer.rtp.transport_cc import TransportFeedback

PACKET_BYTES = 1200
FRAMES_PER_S = 60
FEEDBACK_S = 0.05
TICKS_PER_S = 4000


@dataclass
class Link:
    """A bottleneck with a queue that drops what does not fit, and jitter behind it."""

    capacity_bps: float
    max_queue_s: float = 1.0
    loss: float = 0.0
    jitter_s: float = 0.0
    clock_offset_s: float = 500.0
    delay_s: float = 0.02
    estimator: CongestionEstimator = field(default_factory=CongestionEstimator)
    now_s: float = 1000.0
    sequence: int = 0
    idle_s: float = 0.0
    pending: list[float | None] = field(default_factory=list)
    overused_s: float = 0.0
    _base: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(1))

    def run(self, seconds: float, rate_bps: float, *, key_every: int = 60) -> None:
        """Send pictures for a while; each 60th is four times as large, as key frames are."""
        packets = rate_bps / 8 / PACKET_BYTES / FRAMES_PER_S
        owed = 0.0
        feedback_at_s = self.now_s + FEEDBACK_S
        for number in range(int(seconds * FRAMES_PER_S)):
            owed += packets * (4 if number % key_every == 0 else 56 / 59)
            count = max(1, int(owed))
            owed -= count
            self.estimator.on_sent(count, PACKET_BYTES, self.now_s)
            for _ in range(count):
                self._send_packet()
            self.now_s += 1 / FRAMES_PER_S
            if self.now_s >= feedback_at_s:
                feedback_at_s += FEEDBACK_S
                self._report()

    def _send_packet(self) -> None:
        self.sequence += 1
        start_s = max(self.now_s, self.idle_s)
        if start_s - self.now_s > self.max_queue_s or self._random.random() < self.loss:
            self.pending.append(None)
            return
        self.idle_s = start_s + 8 * PACKET_BYTES / self.capacity_bps
        jitter_s = self._random.random() * self.jitter_s
        self.pending.append(self.idle_s + self.delay_s + jitter_s + self.clock_offset_s)

    def _report(self) -> None:
        """Report all packets that have arrived by now, or must be lost."""
        viewer_s = self.now_s + self.clock_offset_s
        count = 0
        for position, arrival_s in enumerate(self.pending):
            if arrival_s is not None and arrival_s <= viewer_s:
                count = position + 1
        if not count:
            return
        arrivals = tuple(
            None if at_s is None or at_s > viewer_s else int(at_s * TICKS_PER_S)
            for at_s in self.pending[:count]
        )
        del self.pending[:count]
        self.estimator.on_feedback(
            TransportFeedback(base_sequence=self._base & 0xFFFF, count=0, arrivals=arrivals),
            self.now_s,
        )
        self._base += count
        if self.estimator.is_overused(self.now_s, within_s=FEEDBACK_S):
            self.overused_s += FEEDBACK_S


def test_a_wide_link_is_never_overused_and_the_target_rises() -> None:
    link = Link(capacity_bps=50_000_000)
    link.run(20, 8_000_000)
    assert link.overused_s == 0
    assert link.estimator.loss(link.now_s) == 0
    assert link.estimator.throughput_bps == pytest.approx(8_000_000, rel=0.15)
    assert link.estimator.target_bps > FIRST_TARGET_BPS


def test_a_growing_queue_is_seen_before_anything_is_lost() -> None:
    link = Link(capacity_bps=5_000_000, max_queue_s=10)
    link.run(1.5, 8_000_000)
    assert link.overused_s > 0
    assert link.estimator.loss(link.now_s) == 0
    assert link.estimator.target_bps < 5_000_000


def test_a_short_queue_that_drops_is_seen_by_loss() -> None:
    link = Link(capacity_bps=2_000_000, max_queue_s=0.02)
    link.run(3, 8_000_000)
    assert link.estimator.loss(link.now_s) > 0.5
    assert link.estimator.target_bps < 3_000_000


def test_random_loss_of_five_percent_is_no_congestion() -> None:
    link = Link(capacity_bps=50_000_000, loss=0.05)
    link.run(10, 8_000_000)
    assert link.overused_s == 0
    # The first few packets may have more than their share of loss.
    assert link.estimator.target_bps > 0.85 * FIRST_TARGET_BPS


def test_jitter_of_wireless_networks_is_no_congestion() -> None:
    link = Link(capacity_bps=50_000_000, jitter_s=0.01)
    link.run(20, 4_000_000)
    assert link.overused_s < 1


def test_it_recovers_when_the_link_widens() -> None:
    link = Link(capacity_bps=1_500_000)
    link.run(5, 4_000_000)
    congested_bps = link.estimator.target_bps
    assert congested_bps < 2_000_000
    link.capacity_bps = 50_000_000
    link.run(2, 1_000_000)
    link.overused_s = 0
    link.run(10, 4_000_000)
    assert link.overused_s == 0
    assert link.estimator.target_bps > 1.5 * congested_bps


def test_a_still_screen_raises_nothing() -> None:
    link = Link(capacity_bps=50_000_000)
    link.run(5, 100_000)
    assert link.estimator.target_bps == FIRST_TARGET_BPS


def test_feedback_on_packets_that_were_never_sent_changes_nothing() -> None:
    estimator = CongestionEstimator()
    estimator.on_sent(3, PACKET_BYTES, 1.0)
    estimator.on_feedback(TransportFeedback(base_sequence=0, count=0, arrivals=(1,) * 9), 1.1)
    estimator.on_feedback(TransportFeedback(base_sequence=40_000, count=0, arrivals=(1,)), 1.1)
    assert not estimator.has_feedback


def test_a_report_that_comes_twice_counts_once() -> None:
    estimator = CongestionEstimator()
    estimator.on_sent(4, PACKET_BYTES, 1.0)
    feedback = TransportFeedback(base_sequence=0, count=0, arrivals=(1, 2, None, 3))
    estimator.on_feedback(feedback, 1.1)
    before = estimator.throughput_bps, estimator.loss(1.1)
    estimator.on_feedback(feedback, 1.1)
    assert (estimator.throughput_bps, estimator.loss(1.1)) == before
    assert estimator.loss(1.1) == 0.25
    assert estimator.loss(3.0) == 0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(50_000, 50_000_000),
            st.floats(0, 0.9),
            st.floats(0, 0.1),
            st.floats(50_000, 10_000_000),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_never_below_the_floor_on_any_link(
    stretches: list[tuple[float, float, float, float]],
) -> None:
    link = Link(capacity_bps=1_000_000)
    for link.capacity_bps, link.loss, link.jitter_s, rate_bps in stretches:
        link.run(0.7, rate_bps)
        assert link.estimator.target_bps >= FLOOR_BPS
        assert 0 <= link.estimator.loss(link.now_s) <= 1
        assert link.estimator.throughput_bps >= 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535),
            st.lists(st.none() | st.integers(-(2**31), 2**31), max_size=40),
        ),
        max_size=20,
    )
)
def test_any_feedback_is_survived(reports: list[tuple[int, list[int | None]]]) -> None:
    estimator = CongestionEstimator()
    now_s = 5.0
    for base_sequence, arrivals in reports:
        now_s += 0.05
        estimator.on_sent(12, PACKET_BYTES, now_s)
        estimator.on_feedback(
            TransportFeedback(base_sequence=base_sequence, count=0, arrivals=tuple(arrivals)), now_s
        )
        assert estimator.target_bps >= FLOOR_BPS


def test_packets_that_come_late_are_not_lost() -> None:
    """As Chromium reports jitter: it goes back to the packet that was overtaken."""
    estimator = CongestionEstimator()
    estimator.on_sent(10, PACKET_BYTES, 1000.0)

    first = TransportFeedback(base_sequence=0, count=0, arrivals=(1, None, 3, None, 5))
    estimator.on_feedback(first, 1000.05)
    assert estimator.loss(1000.05) == pytest.approx(2 / 5)

    second = TransportFeedback(base_sequence=1, count=1, arrivals=(6, 3, None, 5, 7))
    estimator.on_feedback(second, 1000.10)
    assert estimator.loss(1000.10) == pytest.approx(1 / 6)


def test_what_is_missing_is_not_remembered_for_ever() -> None:
    estimator = CongestionEstimator()
    for number in range(200):
        estimator.on_sent(50, PACKET_BYTES, 1000.0 + number)
        estimator.on_feedback(
            TransportFeedback(
                base_sequence=50 * number & 0xFFFF, count=0, arrivals=(None,) * 49 + (number,)
            ),
            1000.0 + number,
        )
    assert len(estimator._missing) <= 2048 + 50
