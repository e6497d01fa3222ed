from hypothesis import given, settings
from hypothesis import strategies as st

from cloudphone_streamer.viewers.rate import TokenBucket


def test_a_burst_is_admitted_and_then_the_rate() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=3, now_s=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(0.1)
    assert not bucket.take(0.15)


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=2), max_size=200))
def test_never_more_than_burst_and_rate_allow(pauses_s: list[float]) -> None:
    bucket = TokenBucket(rate_per_s=5, burst=10, now_s=0)
    now_s = 0.0
    taken = 0
    for pause_s in pauses_s:
        now_s += pause_s
        taken += bucket.take(now_s)
    assert taken <= 10 + 5 * now_s + 1e-6
