"""What people are told, what is written when, and whom an event concerns."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from cloudphone_operator.conditions import false, settle, true
from cloudphone_operator.decide.session import decide
from cloudphone_operator.model.decision import (
    AllocatePorts,
    CreatePod,
    DeletePod,
    MarkForeign,
)
from cloudphone_operator.model.session import PodSelector, SessionKey
from cloudphone_operator.model.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    Phase,
    Status,
)
from cloudphone_operator.phase import derive_phase
from cloudphone_operator.routing import (
    ANYWHERE,
    About,
    Topic,
    concerns,
    owner_of_pod,
    subscriptions_of,
    topics_of_pod,
)
from cloudphone_operator.transitions import notes_of_action, notes_of_change
from cloudphone_operator.writing import wait_before_writing_s
from tests.unit.operator import builders
from tests.unit.operator.builders import NOW, POLICY

# Conditions


def test_settled_conditions_keep_their_time_until_their_status_changes() -> None:
    old = settle([], [true(ConditionType.READY, "A", "a")], generation=1, now=NOW)
    later = NOW + timedelta(seconds=5, microseconds=7)
    same = settle(old, [true(ConditionType.READY, "B", "b")], generation=2, now=later)
    assert (same[0].last_transition_at, same[0].reason, same[0].observed_generation) == (
        NOW,
        "B",
        2,
    )
    other = settle(old, [false(ConditionType.READY, "A", "a")], generation=2, now=later)
    assert other[0].last_transition_at == NOW + timedelta(seconds=5)


# Phases


def conditions(**changes: Any) -> Any:
    holds = {
        ConditionType.READY: "False",
        ConditionType.DEVICE_READY: "True",
        ConditionType.PORTS_ALLOCATED: "True",
        ConditionType.POD_SCHEDULED: "True",
        ConditionType.CLIENT_CONNECTED: "False",
        ConditionType.FINISHED: "False",
        ConditionType.STALLED: "False",
    }
    reasons = {}
    for name, value in changes.items():
        status, _, reason = value.partition("/")
        holds[ConditionType[name]] = status
        reasons[ConditionType[name]] = reason
    return [
        Condition(
            type=type_,
            status=ConditionStatus(status),
            reason=reasons.get(type_) or "Reason",
            message="",
        )
        for type_, status in holds.items()
    ]


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        pytest.param({"DEVICE_READY": "False"}, Phase.STARTING, id="a pod that runs is starting"),
        pytest.param(
            {"DEVICE_READY": "False", "POD_SCHEDULED": "Unknown"}, Phase.PENDING, id="no phone"
        ),
        pytest.param(
            {"PORTS_ALLOCATED": "False/Allocating", "POD_SCHEDULED": "Unknown"},
            Phase.ALLOCATING,
            id="ports are being taken",
        ),
        pytest.param(
            {"PORTS_ALLOCATED": "False/NoPortFree", "POD_SCHEDULED": "Unknown"},
            Phase.PENDING,
            id="no port",
        ),
        pytest.param({"POD_SCHEDULED": "Unknown"}, Phase.SCHEDULING, id="no node yet"),
        pytest.param({"POD_SCHEDULED": "False"}, Phase.PENDING, id="the scheduler refused"),
        pytest.param({}, Phase.STARTING, id="scheduled"),
        pytest.param({"READY": "True"}, Phase.READY, id="ready"),
        pytest.param({"READY": "True", "CLIENT_CONNECTED": "True"}, Phase.STREAMING, id="watched"),
        pytest.param({"STALLED": "True"}, Phase.FAILED, id="stalled"),
        pytest.param(
            {"STALLED": "True", "READY": "True"}, Phase.READY, id="stalled in a change only"
        ),
        pytest.param({"READY": "True/Suspended"}, Phase.SUSPENDED, id="suspended"),
        pytest.param({"FINISHED": "True", "STALLED": "True"}, Phase.EXPIRED, id="expired"),
        pytest.param({"READY": "False/Terminating"}, Phase.TERMINATING, id="being deleted"),
    ],
)
def test_the_phase_is(changes: Any, phase: Any) -> None:
    assert derive_phase(conditions(**changes)) is phase


# Events


def test_what_is_told_of_actions() -> None:
    manifest = {"metadata": {"name": "phone-1-2"}}
    told = [
        notes_of_action(action)
        for action in (
            CreatePod(manifest=manifest),
            CreatePod(manifest=manifest, replaces="Pod phone-1-1 (Evicted)"),
            DeletePod(name="phone-1-1", uid="u", why="SpecChanged"),
            MarkForeign(node_name="node-a", ports=(50000,)),
            AllocatePorts(node_name="node-a", count=1),
        )
    ]
    assert [[(note.reason, note.message, note.warning) for note in notes] for notes in told] == [
        [("PodCreated", "Created Pod phone-1-2.", False)],
        [
            (
                "PodReplaced",
                "Created Pod phone-1-2 in place of Pod phone-1-1 (Evicted).",
                False,
            )
        ],
        [("PodDeleted", "Deleted Pod phone-1-1: SpecChanged.", False)],
        [
            (
                "PortTaken",
                "Something unseen uses port 50000 of node node-a; taking another.",
                True,
            )
        ],
        [],
    ]


def status_of(**changes: Any) -> Any:
    return decide(builders.observed(**changes), POLICY).status


WAITING = status_of(phones=())
STARTING = status_of(
    held_ports={"node-a": (50000,)}, pods=(builders.streamer(ready=None, node_name="node-a"),)
)
READY = status_of(held_ports={"node-a": (50000,)}, pods=(builders.streamer(),))


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        pytest.param(Status(), WAITING, ["PodNotFound"], id="a phone that is not there"),
        pytest.param(WAITING, WAITING, [], id="nothing new"),
        pytest.param(WAITING, STARTING, ["DeviceFound", "PortsAllocated"], id="a phone found"),
        pytest.param(STARTING, READY, ["Ready"], id="a stream"),
        pytest.param(READY, STARTING, ["NotReady"], id="a stream that broke"),
        pytest.param(READY, WAITING, ["NotReady", "DeviceLost"], id="a phone that left"),
    ],
)
def test_what_is_told_of_changes(before: Any, after: Any, reasons: Any) -> None:
    notes = notes_of_change(before, after)
    wanted = {"UpdatePending"}  # the pods of these statuses have no hash: not what this is about
    assert [note.reason for note in notes if note.reason not in wanted] == reasons


# Writing


@pytest.mark.parametrize(
    ("changes", "written_s_ago", "wait_s"),
    [
        pytest.param({}, 1, None, id="nothing new is not written"),
        pytest.param({"viewers": 5}, 3, 7, id="another number of viewers waits"),
        pytest.param({"viewers": 5}, 30, 0, id="but not for ever"),
        pytest.param({"viewers": 5}, None, 0, id="nor if nobody knows when the last write was"),
        pytest.param({"viewers": 5, "phase": Phase.FAILED}, 1, 0, id="anything else is at once"),
    ],
)
def test_a_status_is_written(changes: Any, written_s_ago: Any, wait_s: Any) -> None:
    before = Status(viewers=1)
    after = dataclasses.replace(before, **changes)
    written_at = None if written_s_ago is None else NOW - timedelta(seconds=written_s_ago)
    assert wait_before_writing_s(before, after, written_at=written_at, now=NOW) == wait_s


# Routing


KEY = SessionKey(namespace="phones", name="phone-1")


def test_a_session_hears_of_its_phone_by_name() -> None:
    topics = subscriptions_of(builders.session())
    assert list(topics) == [Topic(About.POD, "phones", "redroid-1")]
    assert topics_of_pod("phones", "redroid-1")[0] in topics


def test_a_session_hears_of_the_pods_that_its_selector_matches() -> None:
    session = builders.session({"device": {"podSelector": {"matchLabels": {"app": "phone"}}}})
    [(topic, subscription)] = subscriptions_of(session).items()
    assert topic in topics_of_pod("phones", "any")
    assert topic not in topics_of_pod("elsewhere", "any")
    assert concerns(subscription, {"app": "phone"})
    assert not concerns(subscription, {"app": "web"})


def test_a_session_hears_of_its_node_and_of_ports_while_it_has_none() -> None:
    session = builders.session(
        status={
            "nodeName": "node-a",
            "conditions": [
                {
                    "type": "PortsAllocated",
                    "status": "False",
                    "reason": "NoPortFree",
                    "message": "",
                    "lastTransitionTime": "2026-03-01T11:59:00Z",
                }
            ],
        }
    )
    assert {Topic(About.NODE, name="node-a"), Topic(About.PORTS)} < set(subscriptions_of(session))


def test_a_session_without_a_place_hears_of_all_nodes() -> None:
    session = builders.session({"device": {"address": "192.0.2.7"}})
    assert list(subscriptions_of(session)) == [ANYWHERE]


def test_a_streamer_leads_to_its_session() -> None:
    labels = {
        "app.kubernetes.io/name": "cloudphone-streamer",
        "streaming.cloudphone.io/session": "phone-1",
    }
    assert owner_of_pod({"namespace": "phones", "labels": labels}) == KEY
    assert owner_of_pod({"namespace": "phones", "labels": {"app": "phone"}}) is None


@pytest.mark.parametrize(
    ("operator", "values", "labels", "matches"),
    [
        ("In", ["a", "b"], {"k": "a"}, True),
        ("In", ["a"], {"k": "c"}, False),
        ("In", ["a"], {}, False),
        ("NotIn", ["a"], {"k": "c"}, True),
        ("NotIn", ["a"], {}, True),
        ("NotIn", ["a"], {"k": "a"}, False),
        ("Exists", [], {"k": ""}, True),
        ("Exists", [], {}, False),
        ("DoesNotExist", [], {}, True),
        ("DoesNotExist", [], {"k": ""}, False),
    ],
)
def test_a_label_requirement(operator: Any, values: Any, labels: Any, matches: Any) -> None:
    expression = {"key": "k", "operator": operator, "values": values}
    session = builders.session({"device": {"podSelector": {"matchExpressions": [expression]}}})
    assert isinstance(session.device, PodSelector)
    assert session.device.matches(labels) is matches


def test_a_selector_is_asked_for_as_kubectl_would() -> None:
    session = builders.session(
        {
            "device": {
                "podSelector": {
                    "matchLabels": {"app": "phone"},
                    "matchExpressions": [
                        {"key": "tier", "operator": "NotIn", "values": ["a", "b"]},
                        {"key": "x", "operator": "Exists"},
                        {"key": "y", "operator": "DoesNotExist"},
                    ],
                }
            }
        }
    )
    assert isinstance(session.device, PodSelector)
    assert session.device.to_selector() == "app in (phone),tier notin (a,b),x,!y"


def test_what_stalls_a_session_is_told_once_as_a_warning() -> None:
    session = builders.session({"device": {"address": "192.0.2.7"}})
    decision = decide(builders.observed(of=session), POLICY)
    notes = notes_of_change(session.status, decision.status)
    assert [(note.reason, note.warning) for note in notes] == [("AddressNotAllowed", True)]
