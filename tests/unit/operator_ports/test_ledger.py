from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_operator.names import OPERATOR
from cloudphone_operator.ports.errors import NoPortFree
from cloudphone_operator.ports.ledger import (
    FOREIGN_RETRY,
    Ledger,
    abandoned,
    allocate,
    mark_foreign,
    refresh,
    release,
)
from cloudphone_operator.ports.model import (
    Holder,
    PortClaim,
    PortEntry,
    PortRange,
    PortState,
)
from cloudphone_operator.ports.wire import parse_ledger, to_status

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
QUARANTINE = timedelta(seconds=60)
RANGE = PortRange(first=50000, last=50009)


def session(number: int, *, manager: str = OPERATOR) -> Holder:
    return Holder(
        manager=manager,
        kind="StreamSession",
        namespace="phones",
        name=f"phone-{number}",
        uid=f"uid-{number}",
    )


def held(port: int, number: int, *, manager: str = OPERATOR) -> PortEntry:
    return PortEntry(port=port, state=PortState.HELD, holder=session(number, manager=manager))


def resting(port: int, number: int, until: datetime, *, manager: str = OPERATOR) -> PortEntry:
    return PortEntry(
        port=port,
        state=PortState.QUARANTINED,
        holder=session(number, manager=manager),
        until=until,
    )


def foreign(port: int, until: datetime) -> PortEntry:
    return PortEntry(port=port, state=PortState.FOREIGN, until=until)


def claim(port: int, number: int, *, ending: bool = False) -> PortClaim:
    return PortClaim(port=port, holder=session(number), ending=ending)


def give(
    ledger: Ledger, number: int, count: int = 1, max_sessions: int | None = None
) -> tuple[Ledger, tuple[int, ...]]:
    return allocate(
        ledger,
        session(number),
        count,
        ports=RANGE,
        max_sessions=max_sessions,
        quarantine=QUARANTINE,
        now=NOW,
    )


def fresh(ledger: Ledger, *claims: PortClaim, now: datetime = NOW) -> Ledger:
    return refresh(ledger, claims, ports=RANGE, quarantine=QUARANTINE, now=now)


def test_the_lowest_free_port_is_given() -> None:
    ledger, block = give(Ledger.of([held(50000, 1), held(50002, 2)]), 3)
    assert block == (50001,)
    assert ledger == Ledger.of([held(50000, 1), held(50001, 3), held(50002, 2)])


def test_a_block_is_contiguous_and_jumps_over_gaps_that_are_too_small() -> None:
    _, block = give(Ledger.of([held(50001, 1), held(50004, 2)]), 3, count=3)
    assert block == (50005, 50006, 50007)


def test_asking_again_changes_nothing() -> None:
    ledger, block = give(Ledger(), 1, count=2)
    assert give(ledger, 1, count=2) == (ledger, block)


def test_a_holder_keeps_its_ports_when_the_range_moves_away() -> None:
    ledger = Ledger.of([held(40000, 1)])
    assert give(ledger, 1) == (ledger, (40000,))


def test_another_count_gives_the_old_block_back_to_rest() -> None:
    ledger, block = give(Ledger.of([held(50000, 1)]), 1, count=2)
    assert block == (50001, 50002)
    assert ledger.entries[0] == resting(50000, 1, NOW + QUARANTINE)


def test_a_namesake_made_later_is_another_holder() -> None:
    ledger, _ = give(Ledger(), 1)
    reborn = replace(session(1), uid="uid-of-the-second")
    assert ledger.held_by(reborn) == ()
    assert release(ledger, reborn, quarantine=QUARANTINE, now=NOW) == ledger


def test_a_full_range_says_what_takes_the_ports() -> None:
    ledger = Ledger.of(
        [
            *(held(port, port) for port in range(50000, 50007)),
            resting(50007, 1, NOW + QUARANTINE),
            foreign(50008, NOW + FOREIGN_RETRY),
        ]
    )
    with pytest.raises(NoPortFree) as refused:
        give(ledger, 99, count=2)
    assert str(refused.value) == (
        "no free block of 2 ports in 50000-50009: 7 held by sessions, 1 resting, 1 used by "
        "others, 1 free"
    )


def test_a_node_takes_no_more_sessions_than_its_class_allows() -> None:
    ledger = Ledger.of([held(50000, 1), held(50001, 1), held(50002, 2)])
    with pytest.raises(NoPortFree, match=r"2 sessions hold ports of the node; .* maxSessions 2"):
        give(ledger, 3, max_sessions=2)
    assert give(ledger, 3, max_sessions=3)[1] == (50003,)
    assert give(ledger, 2, max_sessions=2)[1] == (50002,)


def test_a_port_given_back_is_not_given_before_it_has_rested() -> None:
    ledger, _ = give(Ledger(), 1)
    ledger = release(ledger, session(1), quarantine=QUARANTINE, now=NOW)
    almost = fresh(ledger, now=NOW + QUARANTINE - timedelta(seconds=1))
    assert give(almost, 2)[1] == (50001,)
    rested = fresh(ledger, now=NOW + QUARANTINE)
    assert give(rested, 2)[1] == (50000,)


def test_giving_back_twice_does_not_prolong_the_rest() -> None:
    once = release(Ledger.of([held(50000, 1)]), session(1), quarantine=QUARANTINE, now=NOW)
    later = NOW + timedelta(seconds=30)
    assert release(once, session(1), quarantine=QUARANTINE, now=later) == once


def test_a_resting_port_rests_on_while_a_pod_claims_it() -> None:
    ledger = Ledger.of([resting(50000, 1, NOW)])
    assert fresh(ledger, claim(50000, 1)) == Ledger.of([resting(50000, 1, NOW + QUARANTINE)])
    assert fresh(ledger) == Ledger()


def test_a_lost_ledger_is_rebuilt_from_live_pods() -> None:
    assert fresh(Ledger(), claim(50003, 1), claim(50004, 1), claim(50007, 2)) == Ledger.of(
        [held(50003, 1), held(50004, 1), held(50007, 2)]
    )


def test_the_port_of_an_ending_pod_without_entry_rests() -> None:
    assert fresh(Ledger(), claim(50003, 1, ending=True)) == Ledger.of(
        [resting(50003, 1, NOW + QUARANTINE)]
    )


def test_the_host_port_of_a_foreign_pod_is_not_given() -> None:
    pod = Holder(manager="", kind="Pod", namespace="x", name="other", uid="pod-uid")
    ledger = fresh(Ledger(), PortClaim(port=50000, holder=pod, ending=False))
    assert give(ledger, 1)[1] == (50001,)
    assert ledger.entries == (
        PortEntry(port=50000, state=PortState.FOREIGN, holder=pod, until=NOW + FOREIGN_RETRY),
    )
    assert fresh(ledger) == Ledger()  # at once when that pod is gone


def test_the_host_port_of_a_foreign_pod_outside_of_the_range_does_not_matter() -> None:
    pod = Holder(manager="", kind="Pod", namespace="x", name="other", uid="pod-uid")
    assert fresh(Ledger(), PortClaim(port=8080, holder=pod, ending=False)) == Ledger()


def test_a_port_that_the_scheduler_found_taken_is_tried_again_later() -> None:
    ledger = mark_foreign(Ledger.of([held(50000, 1)]), [50000], [], now=NOW)
    assert ledger.held_by(session(1)) == ()
    assert give(ledger, 1)[1] == (50001,)
    assert fresh(ledger, now=NOW + FOREIGN_RETRY) == Ledger()


def test_a_port_that_the_holders_former_pod_still_uses_is_not_foreign() -> None:
    ledger = Ledger.of([held(50000, 1)])
    assert mark_foreign(ledger, [50000], [claim(50000, 1, ending=True)], now=NOW) == ledger


def test_a_port_of_another_sessions_pod_stays_with_that_session() -> None:
    ledger = Ledger.of([held(50000, 2)])
    assert mark_foreign(ledger, [50000], [claim(50000, 2)], now=NOW) == ledger


def test_only_a_holder_known_to_be_gone_and_without_pod_is_abandoned() -> None:
    ledger = Ledger.of([held(50000 + number, number) for number in range(5)])
    wanted = {"uid-0": False, "uid-1": False, "uid-2": True, "uid-3": None}  # uid-4: not looked at
    assert abandoned(ledger, [claim(50001, 1)], wanted) == (session(0),)


def test_entries_of_another_manager_are_left_alone() -> None:
    other = "somebody-else"
    ledger = Ledger.of([held(50000, 1, manager=other), resting(50001, 2, NOW, manager=other)])
    assert fresh(ledger, now=NOW + timedelta(days=1)) == ledger
    assert abandoned(ledger, [], {"uid-1": False}) == ()
    assert release(ledger, session(1), quarantine=QUARANTINE, now=NOW) == ledger


def test_an_entry_that_nobody_could_give_back_comes_to_rest() -> None:
    ledger = Ledger.of([PortEntry(port=50000, state=PortState.HELD)])
    assert fresh(ledger).entries[0].state is PortState.QUARANTINED
    assert fresh(fresh(ledger), now=NOW + QUARANTINE) == Ledger()


entries = st.builds(
    PortEntry,
    port=st.integers(1, 65535),
    state=st.sampled_from(PortState),
    holder=st.none()
    | st.builds(
        Holder,
        manager=st.sampled_from(["", OPERATOR, "other"]),
        kind=st.sampled_from(["StreamSession", "Pod"]),
        namespace=st.sampled_from(["", "phones"]),
        name=st.sampled_from(["a", "b"]),
        uid=st.sampled_from(["u1", "u2"]),
    ),
    until=st.none() | st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)


@given(st.lists(entries, max_size=20).map(Ledger.of))
def test_a_ledger_survives_the_wire(ledger: Ledger) -> None:
    status = to_status(ledger, RANGE)
    assert parse_ledger({"status": status}) == ledger
    assert status["free"] == sum(1 for port in RANGE if port not in ledger.ports)


def test_a_rest_is_never_cut_short_by_rounding() -> None:
    until = NOW + timedelta(microseconds=1)
    status = to_status(Ledger.of([resting(50000, 1, until)]), RANGE)
    assert status["ports"][0]["until"] == "2026-01-01T12:00:01Z"


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.booleans()), max_size=40))
def test_ports_are_disjoint_whatever_is_asked_for(
    requests: list[tuple[int, int, bool]],
) -> None:
    ledger = Ledger()
    for number, count, gives_back in requests:
        if gives_back:
            ledger = release(ledger, session(number), quarantine=QUARANTINE, now=NOW)
            continue
        try:
            ledger, block = give(ledger, number, count)
        except NoPortFree:
            continue
        assert block == ledger.held_by(session(number))
        assert block == tuple(range(block[0], block[0] + count))
        assert block[0] >= RANGE.first
        assert block[-1] <= RANGE.last
