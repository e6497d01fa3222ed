"""Wherever the world is and wherever the operator dies: it arrives, and then it rests."""

import dataclasses
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudphone_operator.model.session import Lifecycle
from cloudphone_operator.model.status import ConditionType, Phase
from cloudphone_protocol.session import SessionDocument
from tests.unit.operator import builders
from tests.unit.operator.world import World

NODES = (builders.node("node-a"), builders.node("node-b", addresses=("192.0.2.11",)))
LONG = timedelta(minutes=6)
"""Longer than any pause between two pods."""


def new_world() -> World:
    return World(builders.session(), phone=builders.phone(), nodes=NODES)


def settle(world: World) -> None:
    """Let things go on by themselves, as events and timers would."""
    for _ in range(12):
        world.reconcile()
        world.pass_time(LONG)
    assert world.reconcile() is not None


def assert_one_right_pod(world: World) -> None:
    assert world.phone is not None
    live = world.live_pods()
    assert len(live) == 1
    assert len(world.pods) == 1
    assert live[0].node_name == world.phone.node_name
    assert world.held == {live[0].node_name: live[0].host_ports}
    assert world.session.status.phase is Phase.READY
    assert world.session.status.pod_name == live[0].name
    assert set(world.children) == {"Secret", "Service", "NetworkPolicy"}


def update_is_pending(world: World) -> bool:
    condition = world.session.status.condition(ConditionType.UPDATE_PENDING)
    assert condition is not None
    return condition.is_true


def test_from_nothing_to_a_ready_pod() -> None:
    world = new_world()
    first = world.reconcile()
    assert first is not None
    assert [pod.name for pod in world.live_pods()] == ["phone-1-1"]
    world.pass_time(timedelta(seconds=1))
    world.reconcile()
    assert_one_right_pod(world)


def test_a_port_that_something_unseen_uses_is_marked_and_another_one_taken() -> None:
    world = new_world()
    world.foreign = {("node-a", 50000), ("node-a", 50001)}
    settle(world)
    assert_one_right_pod(world)
    assert world.held == {"node-a": (50002,)}
    assert world.marked == world.foreign


def test_the_streamer_follows_its_phone_to_another_node() -> None:
    world = new_world()
    settle(world)
    world.phone = builders.phone(node_name="node-b", uid="f0e0-0002", ip="198.18.0.21")
    settle(world)
    assert_one_right_pod(world)
    assert list(world.held) == ["node-b"]


def test_a_phone_that_comes_back_on_its_node_keeps_streamer_and_ports() -> None:
    world = new_world()
    settle(world)
    before = world.live_pods()
    world.phone = None
    settle(world)
    assert world.live_pods() == before
    world.phone = builders.phone(uid="f0e0-0002", ip="198.18.0.99")
    settle(world)
    assert world.live_pods() == before
    assert world.document is not None
    assert "198.18.0.99:5555" in world.document


def test_a_change_that_needs_a_new_pod_waits_until_nobody_watches() -> None:
    world = new_world()
    settle(world)
    before = world.live_pods()
    world.viewers = 1
    world.session = dataclasses.replace(world.session, media_port_count=2)
    settle(world)
    assert world.live_pods() == before
    assert world.session.status.phase is Phase.STREAMING
    assert update_is_pending(world)
    world.viewers = 0
    settle(world)
    assert_one_right_pod(world)
    assert world.held == {"node-a": (50000, 50001)}
    assert not update_is_pending(world)


def test_a_live_change_reaches_the_streamer_and_keeps_its_pod() -> None:
    world = new_world()
    settle(world)
    before = world.live_pods()
    world.viewers = 1
    video = world.session.video.model_copy(update={"bitrate_bps": 2_000_000})
    world.session = dataclasses.replace(world.session, video=video)
    settle(world)
    assert world.live_pods() == before
    assert world.document is not None
    assert world.running_version == SessionDocument.parse(world.document).version()


def test_suspension_takes_pod_and_ports_and_its_end_brings_them_back() -> None:
    world = new_world()
    settle(world)
    world.session = dataclasses.replace(world.session, lifecycle=Lifecycle(suspended=True))
    settle(world)
    assert world.pods == {}
    assert world.held == {}
    assert world.session.status.phase is Phase.SUSPENDED
    world.session = dataclasses.replace(world.session, lifecycle=Lifecycle())
    settle(world)
    assert_one_right_pod(world)


def test_an_expired_session_gives_all_back_and_is_deleted_after_its_time() -> None:
    world = new_world()
    settle(world)
    end_s = int((world.now - world.session.created_at).total_seconds())
    world.session = dataclasses.replace(
        world.session, lifecycle=Lifecycle(max_duration_s=end_s, ttl_after_finished_s=3600)
    )
    world.reconcile()
    world.pass_time(timedelta(seconds=10))
    world.reconcile()
    assert world.pods == {}
    assert world.held == {}
    assert world.session.status.phase is Phase.EXPIRED
    world.pass_time(timedelta(hours=1))
    world.reconcile()
    assert not world.session_exists


events = st.one_of(
    st.tuples(st.just("die"), st.integers(min_value=0, max_value=8)),
    st.tuples(st.just("lose"), st.sampled_from([None, "Failed", "Succeeded"])),
    st.tuples(st.just("phone"), st.sampled_from(["node-a", "node-b", "away", "unready"])),
    st.tuples(st.just("pass"), st.sampled_from([timedelta(seconds=1), LONG])),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("ports"), st.integers(min_value=1, max_value=2)),
    st.tuples(st.just("foreign"), st.sampled_from([50000, 50001])),
    st.tuples(st.just("forget"), st.sampled_from(["ledger", "children", "status"])),
)


def happen(world: World, event: str, detail: object) -> None:
    match event, detail:
        case "die", int(count):
            world.reconcile(die_after=count)
        case "lose", phase:
            world.lose_pods(phase=phase)  # type: ignore[arg-type]
        case "phone", "away":
            world.phone = None
        case "phone", "unready":
            world.phone = builders.phone(ready=None)
        case "phone", str(name):
            world.phone = builders.phone(node_name=name)
        case "pass", timedelta() as duration:
            world.reconcile()
            world.pass_time(duration)
        case "suspend", bool(suspended):
            world.session = dataclasses.replace(
                world.session, lifecycle=Lifecycle(suspended=suspended)
            )
        case "ports", int(count):
            world.session = dataclasses.replace(world.session, media_port_count=count)
        case "foreign", int(port):
            world.foreign.add(("node-a", port))
        case "forget", "ledger":
            # As after a restore from a backup: rebuilt from the pods that run.
            world.held = {pod.node_name: pod.host_ports for pod in world.live_pods()}
            world.held.pop("", None)
        case "forget", "children":
            world.children.clear()
            world.document = None
        case "forget", "status":
            status = dataclasses.replace(world.session.status, node_name=None, pod_name=None)
            world.session = dataclasses.replace(world.session, status=status)


@settings(max_examples=150, deadline=None)
@given(st.lists(events, max_size=12))
def test_whatever_happens_there_is_one_right_pod_in_the_end(history: Any) -> None:
    world = new_world()
    for event, detail in history:
        happen(world, event, detail)
    world.phone = builders.phone()
    world.session = dataclasses.replace(world.session, lifecycle=Lifecycle())
    settle(world)
    assert_one_right_pod(world)
    assert len(world.live_pods()[0].host_ports) == world.session.media_port_count
    resting = world.reconcile()
    assert resting is not None
    assert resting.actions == ()
