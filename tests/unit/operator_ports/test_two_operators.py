"""
Two operators that act on one ledger, are killed anywhere, and see worlds that have moved on.

Every step of an operator (list, read the ledger, read the pods, write, make the pod) is an event of
its own in a random order that the seed fixes. The one thing taken for granted is the Lease: between
giving a port and making its pod less time passes than a port rests.
"""

import dataclasses
import random
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

import pytest

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
from cloudphone_operator.ports.model import Holder, PortClaim, PortRange

PORTS = PortRange(first=50000, last=50004)
QUARANTINE = timedelta(seconds=60)
EVENTS_PER_RUN = 1500


class Task(Enum):
    ALLOCATE = auto()
    RELEASE = auto()
    SWEEP = auto()


@dataclasses.dataclass
class Pod:
    holder: Holder
    ports: tuple[int, ...]
    ending: bool = False


@dataclasses.dataclass
class Work:
    """What one operator is in the middle of."""

    task: Task
    now: datetime
    holder: Holder | None = None
    count: int = 1
    listed: frozenset[Holder] = frozenset()  # sweep: holders in the ledger as first listed
    living: frozenset[str] = frozenset()  # sweep: uids of the sessions, listed after that
    version: int | None = None
    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    claims: tuple[PortClaim, ...] | None = None
    block: tuple[int, ...] = ()
    given_at: datetime | None = None


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.version = 0
        self.ledger = Ledger()
        self.sessions: dict[str, Holder] = {}
        self.created = 0
        self.pods: list[Pod] = []
        self.work: list[Work | None] = [None, None]
        self.pods_made = 0
        self.running = 0  # the other operator is paused

    def run(self) -> None:
        events = {
            self.create_session: 6,
            self.delete_session: 2,
            self.end_pod: 3,
            self.remove_pod: 4,
            self.bind_foreign_pod: 1,
            self.pass_time: 6,
            self.lose_ledger: 1,
            self.start: 10,
            self.step: 45,
            self.kill: 2,
        }
        for event in self.random.choices(list(events), list(events.values()), k=EVENTS_PER_RUN):
            event()
            self.check()
        self.check_that_nothing_leaks()

    # The world

    def create_session(self) -> None:
        if len(self.sessions) < 4:
            self.created += 1
            holder = Holder(
                manager=OPERATOR,
                kind="StreamSession",
                namespace="phones",
                name=f"phone-{self.created % 6}",
                uid=f"uid-{self.created}",
            )
            self.sessions[holder.uid] = holder

    def delete_session(self) -> None:
        if self.sessions:
            gone = self.sessions.pop(self.random.choice(list(self.sessions)))
            for pod in self.pods:  # the garbage collector
                pod.ending |= pod.holder == gone

    def end_pod(self) -> None:
        if self.pods:
            self.random.choice(self.pods).ending = True

    def remove_pod(self) -> None:
        ending = [pod for pod in self.pods if pod.ending]
        if ending:
            gone = self.random.choice(ending)
            self.pods = [pod for pod in self.pods if pod is not gone]

    def bind_foreign_pod(self) -> None:
        port = self.random.choice(list(PORTS))
        if not any(port in pod.ports for pod in self.pods):
            holder = Holder(manager="", kind="Pod", namespace="x", name="y", uid=f"pod-{port}")
            self.pods.append(Pod(holder, (port,)))

    def pass_time(self) -> None:
        self.now += timedelta(seconds=self.random.choice([1, 5, 20, 45, 61, 400]))
        for operator, work in enumerate(self.work):
            if work is not None and work.given_at and self.now - work.given_at >= QUARANTINE:
                self.work[operator] = None  # its Lease ran out long before

    def lose_ledger(self) -> None:
        """A backup drops the status; ports whose pod is not there yet would be unknown to all."""
        waiting = any(work is not None and work.block for work in self.work)
        if not waiting and self.ledger.holders <= {pod.holder for pod in self.pods}:
            self.ledger = Ledger()
            self.version += 1

    # The operators

    def start(self) -> None:
        operator = self.running
        if self.work[operator] is not None:
            return
        task = self.random.choice([Task.ALLOCATE, Task.ALLOCATE, Task.RELEASE, Task.SWEEP])
        work = Work(task=task, now=self.now, count=self.random.choice([1, 1, 2]))
        if task is Task.SWEEP:
            work.listed = self.ledger.holders
        elif not self.sessions:
            return
        else:
            work.holder = self.random.choice(list(self.sessions.values()))
        self.work[operator] = work

    def kill(self) -> None:
        self.work[self.random.randrange(2)] = None

    def step(self) -> None:
        if self.random.random() < 0.06:
            self.running = 1 - self.running
        operator = self.running
        work = self.work[operator]
        if work is None:
            return
        if work.version is None:
            if not work.living:
                work.living = frozenset(self.sessions)
            work.version, work.ledger = self.version, self.ledger
        elif work.claims is None:
            work.claims = self.claims()
        elif work.given_at is None:
            if not self.write(work, work.claims):
                self.work[operator] = None
        else:
            self.make_pod(work)
            self.work[operator] = None

    def claims(self) -> tuple[PortClaim, ...]:
        return tuple(
            PortClaim(port=port, holder=pod.holder, ending=pod.ending)
            for pod in self.pods
            for port in pod.ports
        )

    def write(self, work: Work, claims: tuple[PortClaim, ...]) -> bool:
        """Decide and compare-and-swap; False when the work is over."""
        following = refresh(work.ledger, claims, ports=PORTS, quarantine=QUARANTINE, now=work.now)
        block: tuple[int, ...] = ()
        match work.task:
            case Task.ALLOCATE:
                assert work.holder is not None
                try:
                    following, block = allocate(
                        following,
                        work.holder,
                        work.count,
                        ports=PORTS,
                        max_sessions=None,
                        quarantine=QUARANTINE,
                        now=work.now,
                    )
                except NoPortFree:
                    return False
            case Task.RELEASE:
                assert work.holder is not None
                following = release(following, work.holder, quarantine=QUARANTINE, now=work.now)
            case Task.SWEEP:
                wanted = {
                    holder.uid: None if holder.uid in work.living else False
                    for holder in work.listed
                }
                for holder in abandoned(following, claims, wanted):
                    assert holder.uid not in self.sessions, f"{holder} was taken for gone"
                    following = release(following, holder, quarantine=QUARANTINE, now=work.now)
        if work.version != self.version:
            work.version, work.claims = None, None  # Conflict: read again
            return True
        if following != self.ledger:
            self.ledger = following
            self.version += 1
        work.block, work.given_at = block, self.now
        return bool(block)

    def make_pod(self, work: Work) -> None:
        assert work.holder is not None
        if any(pod.holder == work.holder and not pod.ending for pod in self.pods):
            return  # its name is taken
        in_the_way = [pod for pod in self.pods if set(pod.ports) & set(work.block)]
        if in_the_way:
            # The scheduler refuses. Only a foreign pod or the session's own former pod may be why.
            assert all(
                pod.holder.manager == "" or pod.holder == work.holder for pod in in_the_way
            ), f"{work.holder} was given {work.block}, in use by {in_the_way}"
            self.ledger = mark_foreign(self.ledger, work.block, self.claims(), now=self.now)
            self.version += 1
            return
        deleted = work.holder.uid not in self.sessions
        self.pods.append(Pod(work.holder, work.block, ending=deleted))
        self.pods_made += 1

    # What must hold

    def check(self) -> None:
        entries = {entry.port: entry for entry in self.ledger.entries}
        for pod in self.pods:
            for port in pod.ports if pod.holder.manager else ():
                if port in entries:  # else the ledger is lost, and the next change rebuilds it
                    assert entries[port].holder == pod.holder, f"{pod} has another's port"

    def check_that_nothing_leaks(self) -> None:
        self.pods.clear()
        for _ in range(2):
            self.now += max(FOREIGN_RETRY, QUARANTINE)
            fresh = refresh(self.ledger, (), ports=PORTS, quarantine=QUARANTINE, now=self.now)
            for holder in abandoned(fresh, (), {holder.uid: False for holder in fresh.holders}):
                fresh = release(fresh, holder, quarantine=QUARANTINE, now=self.now)
            self.ledger = fresh
        assert self.ledger.entries == ()


@pytest.mark.parametrize("seed", range(200))
def test_no_port_is_given_twice_or_lost_however_operators_interleave(seed: int) -> None:
    world = World(seed)
    world.run()
    assert world.pods_made > 0
