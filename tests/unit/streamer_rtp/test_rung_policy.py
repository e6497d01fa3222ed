"""Which rung a viewer is on, second by second."""

from collections.abc import Iterator

import pytest

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.encode.rungs import LADDERS
from cloudphone_streamer.rtp.rung_policy import PathReport, RungChange, RungPolicy, RungReason

LADDER = LADDERS[VideoCodec.H264]
PASSTHROUGH, P720, P480, P360 = LADDER

GOOD = PathReport(is_overused=False, loss=0.0, throughput_bps=8_000_000)


def overused(throughput_bps: float | None) -> PathReport:
    return PathReport(is_overused=True, loss=0.0, throughput_bps=throughput_bps)


def lossy(loss: float) -> PathReport:
    return PathReport(is_overused=False, loss=loss, throughput_bps=6_000_000)


class Run:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.policy = RungPolicy(LADDER, self.now_s)

    def seconds(self, count: int, path: PathReport) -> list[tuple[int, RungChange]]:
        """Moves within so many seconds, each with the second at which it came."""
        return list(self._seconds(count, path))

    def until_up(self) -> int:
        """Seconds of a good path until the step up."""
        for second in range(1, 300):
            for _, change in self.seconds(1, GOOD):
                assert change.reason is RungReason.HEADROOM
                return second
        pytest.fail("it never went up")

    def _seconds(self, count: int, path: PathReport) -> Iterator[tuple[int, RungChange]]:
        for second in range(1, count + 1):
            self.now_s += 1
            change = self.policy.observe(path, self.now_s)
            if change is not None:
                yield second, change


@pytest.fixture
def run() -> Run:
    started = Run()
    assert started.seconds(5, GOOD) == []
    return started


def test_a_good_path_stays_on_the_phones_own_stream(run: Run) -> None:
    assert run.seconds(600, GOOD) == []
    assert run.policy.rung == PASSTHROUGH


def test_two_seconds_of_overuse_move_to_the_rung_that_fits(run: Run) -> None:
    change = RungChange(rung=P480, reason=RungReason.OVERUSE)
    assert run.seconds(2, overused(2_000_000)) == [(2, change)]


def test_one_second_of_overuse_is_a_key_frame(run: Run) -> None:
    for _ in range(20):
        assert run.seconds(1, overused(2_000_000)) == []
        assert run.seconds(1, GOOD) == []


def test_a_path_worse_than_the_ladder_gets_its_lowest_rung(run: Run) -> None:
    (moved,) = run.seconds(20, overused(100_000))
    assert moved == (2, RungChange(rung=P360, reason=RungReason.OVERUSE))


def test_without_an_estimate_it_goes_one_step(run: Run) -> None:
    ((_, change),) = run.seconds(2, overused(None))
    assert change.rung == P720


def test_heavy_loss_moves_down_and_light_loss_does_not(run: Run) -> None:
    assert run.seconds(60, lossy(0.09)) == []
    ((second, change),) = run.seconds(2, lossy(0.15))
    assert (second, change) == (2, RungChange(rung=P720, reason=RungReason.LOSS))


def test_severe_loss_moves_at_once(run: Run) -> None:
    assert run.seconds(1, lossy(0.5)) == [(1, RungChange(rung=P720, reason=RungReason.LOSS))]


def test_light_loss_keeps_a_viewer_from_going_up(run: Run) -> None:
    run.seconds(2, overused(2_000_000))
    assert run.seconds(60, lossy(0.05)) == []


def test_it_comes_up_step_by_step(run: Run) -> None:
    run.seconds(2, overused(2_000_000))
    moves = run.seconds(40, GOOD)
    assert [change.rung for _, change in moves] == [P720, PASSTHROUGH]
    assert {change.reason for _, change in moves} == {RungReason.HEADROOM}
    assert [second for second, _ in moves] == [12, 24]


def test_a_try_that_fails_makes_the_next_wait_longer(run: Run) -> None:
    run.seconds(2, overused(1_000_000))
    assert run.policy.rung == P360
    waits = []
    for _ in range(7):
        waits.append(run.until_up())
        run.seconds(3, overused(550_000))
        assert run.policy.rung == P360
    assert waits == [12, 22, 42, 82, 162, 162, 162]


def test_a_try_that_holds_makes_the_next_wait_short_again(run: Run) -> None:
    run.seconds(2, overused(1_000_000))
    for _ in range(3):
        run.until_up()
        run.seconds(3, overused(550_000))
    run.until_up()
    assert run.seconds(13, GOOD) == [(12, RungChange(rung=P720, reason=RungReason.HEADROOM))]


def test_many_key_frame_requests_move_one_step_down(run: Run) -> None:
    for _ in range(4):
        run.policy.on_key_frame_request(run.now_s)
        moves = run.seconds(1, GOOD)
    assert moves == [(1, RungChange(rung=P720, reason=RungReason.KEY_FRAME_REQUESTS))]


def test_repeats_of_one_request_and_rare_ones_count_little(run: Run) -> None:
    for _ in range(10):
        for _ in range(20):
            run.policy.on_key_frame_request(run.now_s)
        assert run.seconds(4, GOOD) == []


def test_the_lowest_rung_has_nothing_below(run: Run) -> None:
    run.seconds(2, overused(100_000))
    assert run.seconds(60, overused(100_000)) == []
    assert run.policy.rung == P360
