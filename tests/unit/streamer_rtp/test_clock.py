"""One media clock over sources whose own clocks have nothing in common."""

from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.rtp.clock import MediaClock, compact_ntp, ntp_of


def test_capture_time_becomes_ninety_kilohertz() -> None:
    clock = MediaClock()
    first = clock.ticks_of(5_000_000, 10.0)
    assert clock.ticks_of(5_016_667, 10.1) - first == 1500
    assert clock.ticks_of(6_000_000, 10.2) - first == 90_000


def test_a_long_stream_does_not_drift_by_rounding() -> None:
    clock = MediaClock()
    first = clock.ticks_of(0, 0.0)
    for number in range(1, 60 * 60 + 1):
        last = clock.ticks_of(number * 1_000_000 // 60, number / 60)
    assert last - first == 60 * 90_000


def test_another_source_goes_on_by_the_time_that_has_passed_here() -> None:
    clock = MediaClock()
    first = clock.ticks_of(9_000_000_000, 10.0)
    clock.reset()
    assert clock.ticks_of(40, 12.0) - first == 2 * 90_000
    assert clock.ticks_of(40 + 10_000, 12.01) - first == 2 * 90_000 + 900


def test_a_clock_that_jumps_back_untold_is_another_source() -> None:
    clock = MediaClock()
    first = clock.ticks_of(1_000_000, 10.0)
    assert clock.ticks_of(0, 10.5) - first == 45_000


def test_a_picture_at_the_same_time_is_still_later() -> None:
    clock = MediaClock()
    first = clock.ticks_of(1_000_000, 10.0)
    assert clock.ticks_of(1_000_000, 10.0) > first


def test_this_moment_is_extrapolated_from_the_latest_picture() -> None:
    clock = MediaClock()
    ticks = clock.ticks_of(1_000_000, 10.0)
    assert clock.ticks_at(10.5) - ticks == 45_000


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=1 << 62),
            st.floats(min_value=0, max_value=10),
            st.booleans(),
        ),
        min_size=2,
    )
)
def test_time_never_stands_still_or_goes_back(steps: list[tuple[int, float, bool]]) -> None:
    clock = MediaClock()
    now_s = 0.0
    latest = -1
    for pts_us, elapsed_s, restarted in steps:
        now_s += elapsed_s
        if restarted:
            clock.reset()
        ticks = clock.ticks_of(pts_us, now_s)
        assert ticks > latest
        latest = ticks


def test_ntp_counts_from_1900_in_fixed_point() -> None:
    # RFC 868: 2,208,988,800 corresponds to 00:00 1 Jan 1970 GMT.
    assert ntp_of(0) == 0x83AA7E80_00000000
    assert ntp_of(0.5) == 0x83AA7E80_80000000
    assert compact_ntp(0x83AA7E80_80001234) == 0x7E808000
