"""What follows from what is seen: the failure table, row by row."""

import dataclasses
import ipaddress
import zlib
from datetime import timedelta
from typing import Any

import pytest

from cloudphone_operator.decide.session import decide
from cloudphone_operator.manifests.document import session_document
from cloudphone_operator.manifests.networkpolicy import session_network_policy
from cloudphone_operator.manifests.pod import spec_hash
from cloudphone_operator.model.cluster import (
    Child,
    ContainerState,
    PodCondition,
    ServiceAddress,
    Taint,
)
from cloudphone_operator.model.decision import (
    AllocatePorts,
    ApplyChild,
    ApplySecret,
    CreatePod,
    Decision,
    DeletePod,
    DeleteSession,
    Failure,
    FailureKind,
    MarkForeign,
    PushDocument,
    ReleasePorts,
)
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.observed import Observed, Replacements
from cloudphone_operator.model.session import Toleration
from cloudphone_operator.model.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    DeviceStatus,
    EncoderStatus,
    Phase,
    Status,
)
from cloudphone_protocol.reports import CaptureReport, CaptureState, EncoderReport
from cloudphone_protocol.session import CaptureMode, Encoder
from tests.unit.operator import builders
from tests.unit.operator.builders import NOW, POLICY

HASH = spec_hash(builders.session(), builders.node(), (50000,))
HELD = {"node-a": (50000,)}


def device_of(seen: Observed) -> Device:
    assert seen.finding.device is not None
    return seen.finding.device


DOCUMENT_VERSION = session_document(
    builders.session(), device_of(builders.observed()), POLICY
).version()


def kinds(decision: Any) -> Any:
    return [type(action) for action in decision.actions]


def told(status: Status, type_: ConditionType) -> Condition:
    found = status.condition(type_)
    assert found is not None
    return found


def created(decision: Decision) -> CreatePod:
    """The last action, which makes a pod."""
    last = decision.actions[-1]
    assert isinstance(last, CreatePod)
    return last


def condition(decision: Any, type_: Any) -> Any:
    found = told(decision.status, ConditionType(type_))
    return found.status.value, found.reason


def running(**changes: Any) -> Any:
    """A session that has all it needs but for what the test changes; children are not looked at."""
    values = {
        "held_ports": HELD,
        "pods": (builders.streamer(spec_hash=HASH),),
        "report": builders.report(document_version=DOCUMENT_VERSION),
    }
    return builders.observed(**{**values, **changes})


def pod_actions(decision: Any) -> Any:
    return [
        action
        for action in decision.actions
        if not isinstance(action, ApplySecret | ApplyChild | PushDocument)
    ]


# Device


def test_a_missing_phone_is_waited_for_and_nothing_is_made() -> None:
    decision = decide(builders.observed(phones=()), POLICY)
    assert decision.actions == ()
    assert condition(decision, "DeviceReady") == ("False", "PodNotFound")
    assert condition(decision, "Ready") == ("False", "PodNotFound")
    assert condition(decision, "Reconciling") == ("True", "PodNotFound")
    assert condition(decision, "Stalled") == ("False", "Progressing")
    assert decision.status.phase is Phase.PENDING


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"deletion_at": NOW}, "PodTerminating", id="being deleted"),
        pytest.param({"phase": "Failed"}, "PodFinished", id="ended"),
        pytest.param({"node_name": ""}, "PodNotRunning", id="not scheduled"),
        pytest.param({"ip": ""}, "PodNotRunning", id="without an address"),
        pytest.param({"ready": None}, "PodNotReady", id="not ready"),
    ],
)
def test_a_phone_that_cannot_be_streamed_is_waited_for(changes: Any, reason: Any) -> None:
    decision = decide(builders.observed(phones=(builders.phone(**changes),)), POLICY)
    assert decision.actions == ()
    assert condition(decision, "DeviceReady") == ("False", reason)


SELECTED = builders.session({"device": {"podSelector": {"matchLabels": {"app": "phone"}}}})


def older(name: Any, minutes: Any, **changes: Any) -> Any:
    return builders.phone(
        name=name, uid=name, created_at=NOW - timedelta(minutes=minutes), **changes
    )


@pytest.mark.parametrize(
    ("phones", "chosen"),
    [
        pytest.param([older("a", 1), older("b", 2)], "b", id="the oldest"),
        pytest.param([older("b", 1), older("a", 1)], "a", id="of two as old the first by name"),
        pytest.param([older("a", 1), older("b", 2, ready=None)], "a", id="the oldest ready one"),
        pytest.param(
            [older("a", 1), older("b", 2, deletion_at=NOW)], "a", id="not one that leaves"
        ),
        pytest.param([older("a", 1), older("b", 2, labels={})], "a", id="only those that match"),
    ],
)
def test_of_several_phones_that_match_it_takes(phones: Any, chosen: Any) -> None:
    seen = builders.observed(of=SELECTED, phones=tuple(phones))
    assert device_of(seen).pod_name == chosen


def test_several_matching_phones_are_said() -> None:
    seen = builders.observed(of=SELECTED, phones=(older("a", 1), older("b", 2)))
    assert seen.finding.condition.is_true
    assert seen.finding.condition.reason == "SeveralPodsMatch"
    assert "2 Pods (a, b)" in seen.finding.condition.message


def test_a_session_stays_with_its_phone_though_an_older_one_is_ready() -> None:
    status = Status(device=DeviceStatus(address="x", pod_name="a", pod_uid="a"))
    session = dataclasses.replace(SELECTED, status=status)
    phones = (older("a", 1, ready=None), older("b", 2))
    seen = builders.observed(of=session, phones=phones)
    assert seen.finding.device is None
    assert "Pod a" in seen.finding.condition.message


def address_session(address: Any = "192.0.2.7") -> Any:
    return builders.session({"device": {"address": address, "adbPort": 5556}})


@pytest.mark.parametrize(
    ("address", "cidrs", "expected"),
    [
        ("192.0.2.7", ("192.0.2.0/24",), "192.0.2.7:5556"),
        ("2001:db8::7", ("192.0.2.0/24", "2001:db8::/32"), "[2001:db8::7]:5556"),
        ("192.0.3.7", ("192.0.2.0/24",), None),
        ("192.0.2.7", (), None),
    ],
)
def test_an_address_is_taken_only_inside_the_device_networks(
    address: Any, cidrs: Any, expected: Any
) -> None:
    networks = tuple(ipaddress.ip_network(cidr) for cidr in cidrs)
    policy = dataclasses.replace(POLICY, device_cidrs=networks)
    seen = builders.observed(of=address_session(address), policy=policy)
    decision = decide(seen, policy)
    if expected is None:
        assert decision.actions == ()
        assert condition(decision, "Stalled") == ("True", "AddressNotAllowed")
        assert decision.status.phase is Phase.FAILED
    else:
        assert device_of(seen).address == expected
        assert kinds(decision) == [AllocatePorts]


# Node


PATTERN = builders.session({"device": None, "capture": {"mode": "TestPattern"}})


@pytest.mark.parametrize(
    ("nodes", "held", "chosen"),
    [
        pytest.param(
            [builders.node("a", free_ports=1), builders.node("b", free_ports=2)],
            {},
            "b",
            id="the most free ports",
        ),
        pytest.param([builders.node("b"), builders.node("a")], {}, "a", id="then by name"),
        pytest.param(
            [builders.node("a"), builders.node("b", free_ports=2)],
            {"b": (50001,)},
            "b",
            id="where it holds ports already",
        ),
        pytest.param(
            [builders.node("a", ready=False), builders.node("b")], {}, "b", id="a ready one"
        ),
        pytest.param(
            [builders.node("a", unschedulable=True), builders.node("b")],
            {},
            "b",
            id="one that is not cordoned",
        ),
        pytest.param(
            [builders.node("a", addresses=()), builders.node("b")], {}, "b", id="with an address"
        ),
    ],
)
def test_a_session_without_a_phones_node_goes_to(nodes: Any, held: Any, chosen: Any) -> None:
    seen = builders.observed(of=PATTERN, nodes=tuple(nodes), held_ports=held)
    decision = decide(seen, POLICY)
    if held:
        assert CreatePod in kinds(decision)
        assert decision.status.media_ports == held[chosen]
    else:
        assert decision.actions == (AllocatePorts(node_name=chosen, count=1),)


def taint(effect: Any = "NoSchedule") -> Any:
    return Taint(key="gpu", value="yes", effect=effect)


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        pytest.param(None, False, id="none"),
        pytest.param(Toleration(operator="Exists"), True, id="all"),
        pytest.param(Toleration(key="gpu", operator="Exists"), True, id="the key"),
        pytest.param(Toleration(key="gpu", operator="Equal", value="yes"), True, id="the value"),
        pytest.param(Toleration(key="gpu", value="no"), False, id="another value"),
        pytest.param(Toleration(key="x", operator="Exists"), False, id="another key"),
        pytest.param(
            Toleration(key="gpu", operator="Exists", effect="NoExecute"),
            False,
            id="another effect",
        ),
    ],
)
def test_a_tainted_node_is_chosen_if_it_is_tolerated(toleration: Any, fits: Any) -> None:
    tolerations = (toleration,) if toleration else ()
    session = dataclasses.replace(
        PATTERN, placement=dataclasses.replace(PATTERN.placement, tolerations=tolerations)
    )
    seen = builders.observed(of=session, nodes=(builders.node("a", taints=(taint(),)),))
    decision = decide(seen, POLICY)
    assert (decision.actions != ()) is fits
    if not fits:
        assert condition(decision, "Ready") == ("False", "NoNode")


def test_a_preference_of_a_node_keeps_nothing_out() -> None:
    node = builders.node("a", taints=(taint("PreferNoSchedule"),))
    assert decide(builders.observed(of=PATTERN, nodes=(node,)), POLICY).actions != ()


def test_a_gpu_is_looked_for_where_the_node_may_be_chosen() -> None:
    session = builders.session(
        {
            "device": None,
            "capture": {"mode": "TestPattern"},
            "gpu": {"resourceName": "nvidia.com/gpu", "count": 2},
        }
    )
    few = builders.node("a", extended_resources=(("nvidia.com/gpu", 1),))
    enough = builders.node("b", extended_resources=(("nvidia.com/gpu", 2),), free_ports=1)
    seen = builders.observed(of=session, nodes=(few, enough))
    assert decide(seen, POLICY).actions == (AllocatePorts(node_name="b", count=1),)


def test_a_node_without_an_address_is_said() -> None:
    decision = decide(builders.observed(nodes=(builders.node(addresses=()),)), POLICY)
    assert decision.actions == ()
    assert condition(decision, "Ready") == ("False", "NoNode")
    assert "annotation" in told(decision.status, ConditionType.READY).message


# Ports


def test_ports_come_before_everything_that_needs_them() -> None:
    decision = decide(builders.observed(), POLICY)
    assert decision.actions == (AllocatePorts(node_name="node-a", count=1),)
    assert condition(decision, "PortsAllocated") == ("False", "Allocating")


def test_no_free_port_is_pending_in_the_ledgers_words_and_is_not_asked_for_again_at_once() -> None:
    failure = Failure(kind=FailureKind.NO_PORT, message="node node-a: no free port in 1-2")
    decision = decide(builders.observed(failures=(failure,)), POLICY)
    assert decision.actions == ()
    assert condition(decision, "PortsAllocated") == ("False", "NoPortFree")
    message = told(decision.status, ConditionType.READY).message
    assert message == "node node-a: no free port in 1-2."
    assert decision.status.phase is Phase.PENDING
    assert decision.requeue_after_s == 30


def test_a_running_pod_whose_ledger_was_lost_has_its_ports_entered_again() -> None:
    decision = decide(running(held_ports={}), POLICY)
    assert decision.actions == (AllocatePorts(node_name="node-a", count=1),)
    assert decision.status.pod_name == "phone-1-1"


def test_the_schedulers_word_that_a_port_is_taken_leads_to_another_one() -> None:
    refused = PodCondition(
        status=ConditionStatus.FALSE,
        reason="Unschedulable",
        message="0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
        "ports. preemption: ...",
    )
    pod = builders.streamer(
        spec_hash=HASH, node_name="", phase="Pending", ready=None, scheduled=refused
    )
    decision = decide(running(pods=(pod,), report=None), POLICY)
    assert pod_actions(decision) == [
        DeletePod(name="phone-1-1", uid=pod.uid, why="PortTaken", grace_period_s=0),
        MarkForeign(node_name="node-a", ports=(50000,)),
    ]


def test_ports_elsewhere_are_returned_when_no_pod_uses_them() -> None:
    held = {"node-a": (50000,), "node-b": (50007,)}
    decision = decide(running(held_ports=held), POLICY)
    assert pod_actions(decision) == [ReleasePorts(node_name="node-b")]


# Children and pod


def test_with_ports_held_children_and_then_the_pod_are_made() -> None:
    decision = decide(builders.observed(held_ports=HELD), POLICY)
    assert kinds(decision) == [ApplySecret, ApplyChild, ApplyChild, CreatePod]
    create = created(decision)
    assert create.manifest["metadata"]["name"] == "phone-1-1"
    assert create.replaces == ""


def test_no_namesakes_children_are_taken_over() -> None:
    alien = Child(uid="x", controller_uid="", controller_kind="", live={})
    decision = decide(builders.observed(held_ports=HELD, service=alien), POLICY)
    assert decision.actions == ()
    assert condition(decision, "Stalled") == ("True", "NameTaken")
    assert "Service phone-1-streamer" in told(decision.status, ConditionType.STALLED).message


def child_of_session(manifest: dict[str, Any]) -> Child:
    return Child(
        uid="x",
        controller_uid=builders.SESSION_UID,
        controller_kind="StreamSession",
        live=manifest,
    )


def test_a_network_policy_that_admits_fewer_than_it_should_is_written_again() -> None:
    session = builders.session()
    open_to_all = dataclasses.replace(POLICY, service_type="NodePort")
    for stored, wanted, expected in (
        (POLICY, POLICY, []),
        (POLICY, open_to_all, ["NetworkPolicy"]),
        (open_to_all, POLICY, ["NetworkPolicy"]),
    ):
        live = child_of_session(session_network_policy(session, (50000,), stored))
        decision = decide(running(network_policy=live), wanted)
        applied = [a.manifest["kind"] for a in decision.actions if isinstance(a, ApplyChild)]
        assert [kind for kind in applied if kind == "NetworkPolicy"] == expected


def test_what_a_former_session_of_the_name_left_is_waited_for() -> None:
    left = Child(uid="x", controller_uid="former", controller_kind="StreamSession", live={})
    decision = decide(builders.observed(held_ports=HELD, secret=left), POLICY)
    assert decision.actions == ()
    assert condition(decision, "Ready") == ("False", "FormerSession")
    assert decision.requeue_after_s == 1


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        pytest.param(
            builders.streamer(phase="Failed", reason="Evicted", ready=None),
            "Evicted",
            id="evicted",
        ),
        pytest.param(
            builders.streamer(phase="Failed", reason="OutOfcpu", ready=None, node_name="node-a"),
            "OutOfcpu",
            id="refused by the kubelet for want of CPU",
        ),
        pytest.param(
            builders.streamer(phase="Failed", reason="UnexpectedAdmissionError", ready=None),
            "UnexpectedAdmissionError",
            id="refused by the kubelet's device plugin",
        ),
        pytest.param(
            builders.streamer(phase="Succeeded", ready=None), "Succeeded", id="ended by itself"
        ),
    ],
)
def test_a_lost_pod_is_replaced_at_once_on_the_same_ports(pod: Any, why: Any) -> None:
    decision = decide(running(pods=(pod,), report=None), POLICY)
    delete, create = pod_actions(decision)
    assert delete == DeletePod(name="phone-1-1", uid=pod.uid, why=why)
    assert create.manifest["metadata"]["name"] == "phone-1-2"
    assert create.replaces == f"Pod phone-1-1 ({why})"
    media = [
        port["hostPort"]
        for port in create.manifest["spec"]["containers"][0]["ports"]
        if "hostPort" in port
    ]
    assert media == [50000, 50000]


def test_a_deleted_pod_is_replaced_once_it_has_ended() -> None:
    ending = builders.streamer(deletion_at=NOW + timedelta(seconds=10))
    decision = decide(running(pods=(ending,), report=None), POLICY)
    assert pod_actions(decision) == []
    assert condition(decision, "Ready") == ("False", "FormerPodEnding")
    session = builders.session(status={"attempt": 1, "podName": "phone-1-1"})
    decision = decide(running(of=session, pods=(), report=None), POLICY)
    [create] = pod_actions(decision)
    assert create.manifest["metadata"]["name"] == "phone-1-2"
    assert create.replaces == "Pod phone-1-1 (Gone)"


def test_a_pod_that_ends_on_other_ports_or_another_node_holds_up_nothing() -> None:
    for changes in ({"host_ports": (50009,)}, {"node_name": "node-b"}):
        ending = builders.streamer(deletion_at=NOW, **changes)
        decision = decide(running(pods=(ending,), report=None), POLICY)
        assert CreatePod in kinds(decision)


@pytest.mark.parametrize(
    ("status_attempt", "pods", "taken", "expected"),
    [
        pytest.param(0, (), set(), 1, id="the first"),
        pytest.param(3, (), set(), 4, id="after the status"),
        pytest.param(
            1,
            (builders.streamer(5, phase="Failed", ready=None),),
            set(),
            6,
            id="after the pods, where the status was not written",
        ),
        pytest.param(0, (), {"phone-1-1", "phone-1-2"}, 3, id="past names that others have"),
    ],
)
def test_the_number_of_the_next_pod_is(
    status_attempt: Any, pods: Any, taken: Any, expected: Any
) -> None:
    session = builders.session(status={"attempt": status_attempt})
    seen = running(of=session, pods=pods, taken_names=frozenset(taken), report=None)
    create = created(decide(seen, POLICY))
    assert create.manifest["metadata"]["name"] == f"phone-1-{expected}"


def test_a_name_that_the_api_server_found_taken_is_passed_over() -> None:
    failure = Failure(kind=FailureKind.NAME_TAKEN, message="taken", object_name="phone-1-1")
    decision = decide(builders.observed(held_ports=HELD, failures=(failure,)), POLICY)
    assert created(decision).manifest["metadata"]["name"] == "phone-1-2"


def test_pods_that_do_not_last_are_replaced_ever_more_slowly() -> None:
    waits = []
    replacements = Replacements()
    for _ in range(12):
        replacements = replacements.after(CreatePod(manifest={}), NOW)
        waits.append(replacements.wait_s(NOW))
    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    seen = running(pods=(), report=None, replacements=Replacements(count=5, last_at=NOW))
    decision = decide(seen, POLICY)
    assert pod_actions(decision) == []
    assert decision.requeue_after_s == 8
    assert condition(decision, "Ready") == ("False", "BackOff")


def test_a_pod_that_lasted_makes_the_next_replacement_quick_again() -> None:
    replacements = Replacements(count=9, last_at=NOW - timedelta(minutes=11))
    assert replacements.wait_s(NOW) == 0
    assert replacements.after(CreatePod(manifest={}), NOW) == Replacements(count=1, last_at=NOW)


@pytest.mark.parametrize(("intended", "wait_s"), [(True, 0), (False, 8)])
def test_a_pod_taken_away_on_purpose_makes_the_next_one_quick_again(
    intended: bool, wait_s: int
) -> None:
    action = DeletePod(name="phone-1-1", uid="u", why="x", intended=intended)
    assert Replacements(count=5, last_at=NOW).after(action, NOW).wait_s(NOW) == wait_s


def test_of_two_pods_the_later_one_stays() -> None:
    pods = (builders.streamer(1), builders.streamer(2, spec_hash=HASH))
    decision = decide(running(pods=pods, report=None), POLICY)
    assert pod_actions(decision) == [DeletePod(name="phone-1-1", uid=pods[0].uid, why="Surplus")]
    assert decision.status.pod_name == "phone-1-2"


def test_what_is_refused_stalls_in_the_api_servers_words_and_is_tried_again_later() -> None:
    failure = Failure(kind=FailureKind.REFUSED, message='pods "phone-1-1" is forbidden: quota')
    decision = decide(builders.observed(held_ports=HELD, failures=(failure,)), POLICY)
    assert decision.actions == ()
    assert condition(decision, "Stalled") == ("True", "CreateRefused")
    assert told(decision.status, ConditionType.STALLED).message == failure.message
    assert condition(decision, "Reconciling") == ("False", "CreateRefused")
    assert decision.requeue_after_s == 30


def test_ports_stay_with_a_session_whose_pod_cannot_be_made() -> None:
    failure = Failure(kind=FailureKind.REFUSED, message="exceeded quota: pods", object_name="x")
    seen = builders.observed(held_ports=HELD, failures=(failure,))
    decision = decide(seen, POLICY)
    # By this name the sweep knows that the ports are wanted.
    assert decision.status.node_name == "node-a"
    assert decision.status.media_ports == (50000,)
    assert condition(decision, "Ready") == ("False", "CreateRefused")


def test_ports_stay_with_a_session_whose_phone_and_pod_are_gone() -> None:
    decision = decide(builders.observed(phones=(), held_ports=HELD), POLICY)
    assert decision.actions == ()
    assert decision.status.node_name == "node-a"


def test_an_image_that_is_not_allowed_stalls_and_makes_nothing_of_it() -> None:
    session = builders.session({"placement": {"image": "evil/miner"}})
    decision = decide(builders.observed(of=session, held_ports=HELD), POLICY)
    assert CreatePod not in kinds(decision)
    assert condition(decision, "Stalled") == ("True", "ImageNotAllowed")


def test_a_change_to_an_image_that_is_not_allowed_keeps_the_running_pod() -> None:
    session = builders.session({"placement": {"image": "evil/miner"}})
    decision = decide(running(of=session), POLICY)
    assert pod_actions(decision) == []
    assert condition(decision, "Ready") == ("True", "Serving")
    assert condition(decision, "UpdatePending") == ("True", "ImageNotAllowed")
    assert condition(decision, "Stalled") == ("True", "ImageNotAllowed")


# A phone that moves


def test_a_phone_replaced_on_its_node_is_a_new_document_for_the_same_pod() -> None:
    moved = builders.phone(uid="f0e0-0002", ip="198.18.0.44")
    decision = decide(running(phones=(moved,)), POLICY)
    assert CreatePod not in kinds(decision)
    assert DeletePod not in kinds(decision)
    secret = next(each for each in decision.actions if isinstance(each, ApplySecret))
    assert secret.document.device is not None
    assert secret.document.device.address == "198.18.0.44:5555"
    push = decision.actions[-1]
    assert push == PushDocument(pod_ip="198.18.0.30", document=secret.document)


def test_a_phone_on_another_node_gets_ports_there_first() -> None:
    nodes = (builders.node(), builders.node("node-b"))
    moved = (builders.phone(node_name="node-b"),)
    decision = decide(running(phones=moved, nodes=nodes), POLICY)
    assert decision.actions == (AllocatePorts(node_name="node-b", count=1),)
    both = {"node-a": (50000,), "node-b": (50000,)}
    decision = decide(running(phones=moved, nodes=nodes, held_ports=both), POLICY)
    delete, create = pod_actions(decision)
    assert delete.why == "DeviceMoved"
    assert create.manifest["metadata"]["name"] == "phone-1-2"
    assert create.replaces == "Pod phone-1-1 (DeviceMoved)"


def test_a_phone_that_is_away_leaves_its_streamer_in_place() -> None:
    decision = decide(running(phones=()), POLICY)
    assert decision.actions == ()
    assert condition(decision, "DeviceReady") == ("False", "PodNotFound")
    assert condition(decision, "PortsAllocated") == ("True", "PortsHeld")
    assert decision.status.pod_name == "phone-1-1"
    assert decision.status.media_ports == (50000,)


def test_no_new_streamer_is_made_while_the_phone_is_away() -> None:
    lost = builders.streamer(phase="Failed", ready=None)
    decision = decide(running(phones=(), pods=(lost,), report=None), POLICY)
    assert kinds(decision) == [DeletePod]


# Changes of the spec


OTHER_PORTS = builders.session({"placement": {"priorityClassName": "high"}})


@pytest.mark.parametrize(
    ("changes", "allow", "replaced"),
    [
        pytest.param({"report": builders.report(0)}, False, True, id="nobody watches"),
        pytest.param({"report": builders.report(1)}, False, False, id="somebody watches"),
        pytest.param({"report": builders.report(1)}, True, True, id="disruption is allowed"),
        pytest.param({"report": None}, False, False, id="the streamer is silent but serves"),
        pytest.param(
            {"report": None, "pods": (builders.streamer(ready=None),)},
            False,
            True,
            id="it is silent and does not serve",
        ),
        pytest.param(
            {"report": builders.report(1), "pods": (builders.streamer(ready=None),)},
            False,
            False,
            id="it does not serve and still has a viewer",
        ),
    ],
)
def test_a_change_that_needs_a_new_pod_is_made_if(changes: Any, allow: Any, replaced: Any) -> None:
    lifecycle = dataclasses.replace(OTHER_PORTS.lifecycle, allow_disruption=allow)
    session = dataclasses.replace(OTHER_PORTS, lifecycle=lifecycle)
    decision = decide(running(of=session, **changes), POLICY)
    deleted = [each for each in decision.actions if isinstance(each, DeletePod)]
    assert [each.why for each in deleted] == (["SpecChanged"] if replaced else [])
    assert condition(decision, "UpdatePending")[0] == ("False" if replaced else "True")


def test_an_operator_upgrade_leaves_a_running_pod_alone() -> None:
    newer = dataclasses.replace(POLICY, image="registry.example/streamer:2", log_level="debug")
    assert pod_actions(decide(running(), newer)) == []


@pytest.mark.parametrize(
    ("said", "pushed"),
    [
        pytest.param(builders.report(document_version=DOCUMENT_VERSION), False, id="the current"),
        pytest.param(builders.report(), True, id="another"),
    ],
)
def test_the_document_is_pushed_if_the_streamer_says_that_it_runs(said: Any, pushed: Any) -> None:
    decision = decide(running(report=said), POLICY)
    assert (PushDocument in kinds(decision)) is pushed


def test_a_push_that_changed_nothing_is_repeated() -> None:
    assert decide(running(report=builders.report()), POLICY).requeue_after_s == 10


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(None, id="nothing"),
        pytest.param(builders.report(pod_name="phone-1-9"), id="something, in a former pod"),
        pytest.param(
            dataclasses.replace(builders.report(), received_at=NOW - timedelta(minutes=1)),
            id="something, long ago",
        ),
    ],
)
def test_a_streamer_that_serves_is_told_again_where_to_report_if_it_said(said: Any) -> None:
    decision = decide(running(report=said), POLICY)
    assert PushDocument in kinds(decision)
    assert decision.requeue_after_s == 30


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"pods": (builders.streamer(spec_hash=HASH, ready=None),)}, id="starts"),
        pytest.param({"listening_since": NOW - timedelta(seconds=5)}, id="had no time to report"),
    ],
)
def test_nothing_is_pushed_to_a_silent_streamer_that(changes: Any) -> None:
    assert PushDocument not in kinds(decide(running(report=None, **changes), POLICY))


# What the streamer says


def waiting(reason: Any, message: Any = "", restarts: Any = 0, last_words: Any = "") -> Any:
    return ContainerState(
        waiting_reason=reason, waiting_message=message, restarts=restarts, last_words=last_words
    )


FAILED_CAPTURE = CaptureReport(
    state=CaptureState.FAILED,
    mode=CaptureMode.SCRCPY,
    reason="AdbUnauthorized",
    message="The phone does not accept the key; confirm it on the phone.",
)


@pytest.mark.parametrize(
    ("pod", "said", "reason", "phase"),
    [
        pytest.param(
            {"ready": None, "container": ContainerState(running=True)},
            None,
            "Starting",
            Phase.STARTING,
            id="it starts",
        ),
        pytest.param(
            {"ready": None, "phase": "Pending", "container": waiting("ContainerCreating")},
            None,
            "PodPending",
            Phase.STARTING,
            id="its container is made",
        ),
        pytest.param(
            {"ready": None},
            builders.report(capture=FAILED_CAPTURE),
            "AdbUnauthorized",
            Phase.STARTING,
            id="it cannot capture",
        ),
        pytest.param(
            {"ready": None, "container": waiting("ImagePullBackOff", "no such image")},
            None,
            "ImagePullBackOff",
            Phase.FAILED,
            id="its image cannot be had",
        ),
        pytest.param(
            {"ready": None, "container": waiting("CrashLoopBackOff", restarts=1)},
            None,
            "CrashLoopBackOff",
            Phase.STARTING,
            id="it crashed once",
        ),
        pytest.param(
            {"ready": None, "container": waiting("CrashLoopBackOff", restarts=3)},
            None,
            "CrashLoopBackOff",
            Phase.FAILED,
            id="it keeps crashing",
        ),
    ],
)
def test_a_streamer_that_is_not_ready_says_why(
    pod: Any, said: Any, reason: Any, phase: Any
) -> None:
    pods = (builders.streamer(spec_hash=HASH, **pod),)
    decision = decide(running(pods=pods, report=said), POLICY)
    assert condition(decision, "StreamerReady") == ("False", reason)
    assert condition(decision, "Ready") == ("False", reason)
    assert decision.status.phase is phase


def test_a_streamer_that_keeps_crashing_stalls_with_its_last_words() -> None:
    container = waiting("CrashLoopBackOff", restarts=4, last_words="exit code 1: no scrcpy server")
    pods = (builders.streamer(spec_hash=HASH, ready=None, container=container),)
    decision = decide(running(pods=pods, report=None), POLICY)
    assert condition(decision, "Stalled") == ("True", "StreamerFails")
    assert "no scrcpy server" in told(decision.status, ConditionType.STALLED).message


def test_the_schedulers_words_are_passed_on() -> None:
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    refused = PodCondition(status=ConditionStatus.FALSE, reason="Unschedulable", message=message)
    pod = builders.streamer(
        spec_hash=HASH, node_name="", phase="Pending", ready=None, scheduled=refused
    )
    decision = decide(running(pods=(pod,), report=None), POLICY)
    assert pod_actions(decision) == []
    for type_ in (ConditionType.POD_SCHEDULED, ConditionType.READY):
        found = told(decision.status, type_)
        assert (found.status.value, found.reason, found.message) == (
            "False",
            "Unschedulable",
            message,
        )
    assert decision.status.phase is Phase.PENDING


@pytest.mark.parametrize(
    ("said", "connected", "viewers", "phase"),
    [
        pytest.param(builders.report(0), ("False", "NoViewers"), 0, Phase.READY, id="nobody"),
        pytest.param(builders.report(2), ("True", "Viewers"), 2, Phase.STREAMING, id="two"),
        pytest.param(None, ("Unknown", "NotReported"), None, Phase.READY, id="nobody knows"),
    ],
)
def test_who_watches(said: Any, connected: Any, viewers: Any, phase: Any) -> None:
    decision = decide(running(report=said), POLICY)
    assert condition(decision, "ClientConnected") == connected
    assert decision.status.viewers == viewers
    assert decision.status.phase is phase


def test_since_when_nobody_watches() -> None:
    idle = decide(running(report=builders.report(0)), POLICY).status
    assert idle.idle_since == NOW
    later = running(
        of=dataclasses.replace(builders.session(), status=idle),
        report=builders.report(0),
        now=NOW + timedelta(seconds=5),
    )
    assert decide(later, POLICY).status.idle_since == NOW
    assert decide(running(report=builders.report(1)), POLICY).status.idle_since is None


def test_a_new_leader_keeps_what_was_known_until_it_has_listened() -> None:
    known = decide(running(report=builders.report(3)), POLICY).status
    session = dataclasses.replace(builders.session(), status=known)
    fresh = running(of=session, report=None, listening_since=NOW - timedelta(seconds=5))
    decision = decide(fresh, POLICY)
    assert decision.requeue_after_s == 25, "nothing happens when it has listened for long enough"
    status = decision.status
    assert status.viewers == 3
    assert status.phase is Phase.STREAMING
    assert status.encoder == known.encoder
    silent = running(of=session, report=None, listening_since=NOW - timedelta(minutes=5))
    assert decide(silent, POLICY).status.viewers is None


@pytest.mark.parametrize(
    ("spec", "said", "expected"),
    [
        pytest.param({}, builders.report(), ("False", "NotRequested"), id="none was asked for"),
        pytest.param(
            {"gpu": {"resourceName": "nvidia.com/gpu"}},
            builders.report(gpu_used=True),
            ("False", "InUse"),
            id="it is used",
        ),
        pytest.param(
            {"gpu": {"resourceName": "nvidia.com/gpu"}},
            builders.report(),
            ("True", "Unused"),
            id="it is held for nothing",
        ),
        pytest.param(
            {"gpu": {"resourceName": "nvidia.com/gpu"}},
            None,
            ("Unknown", "NotReported"),
            id="nobody knows",
        ),
    ],
)
def test_a_gpu_without_use_is_said(spec: Any, said: Any, expected: Any) -> None:
    decision = decide(running(of=builders.session(spec), report=said), POLICY)
    assert condition(decision, "GPUUnused") == expected


def test_the_encoder_in_use_and_why_it_is_another() -> None:
    encoder = EncoderReport(
        requested=Encoder.NVENC, effective=Encoder.PASSTHROUGH, reason="NoEncoder"
    )
    decision = decide(running(report=builders.report(encoder=encoder)), POLICY)
    assert decision.status.encoder == EncoderStatus(
        requested="Nvenc", effective="Passthrough", reason="NoEncoder"
    )
    plain = decide(running(report=builders.report()), POLICY)
    assert plain.status.encoder == EncoderStatus(requested="Passthrough", effective="Passthrough")


# Endpoints


@pytest.mark.parametrize(
    ("service_type", "address", "base"),
    [
        ("ClusterIP", ServiceAddress(cluster_ip="198.19.0.9", port=8080), "http://198.19.0.9:8080"),
        ("ClusterIP", ServiceAddress(cluster_ip="fd00::9", port=8080), "http://[fd00::9]:8080"),
        (
            "NodePort",
            ServiceAddress(cluster_ip="198.19.0.9", port=8080, node_port=31000),
            "http://192.0.2.10:31000",
        ),
    ],
)
def test_endpoints(service_type: Any, address: Any, base: Any) -> None:
    policy = dataclasses.replace(POLICY, service_type=service_type)
    endpoints = decide(running(service_address=address), policy).status.endpoints
    assert endpoints is not None
    assert (endpoints.api, endpoints.viewer, endpoints.whep) == (base, f"{base}/", f"{base}/whep")


def test_a_node_port_that_is_not_given_yet_makes_no_endpoint() -> None:
    policy = dataclasses.replace(POLICY, service_type="NodePort")
    address = ServiceAddress(cluster_ip="198.19.0.9", port=8080)
    assert decide(running(service_address=address), policy).status.endpoints is None


# The end


def with_lifecycle(**changes: Any) -> Any:
    return builders.session({"lifecycle": {"readyTimeoutSeconds": 120, **changes}})


def test_a_suspended_session_gives_pod_and_ports_back_and_is_ready() -> None:
    session = with_lifecycle(suspended=True)
    decision = decide(running(of=session), POLICY)
    assert decision.actions == (
        DeletePod(name="phone-1-1", uid="90d0-0001", why="Suspended", intended=True),
    )
    decision = decide(running(of=session, pods=(), report=None), POLICY)
    assert decision.actions == (ReleasePorts(node_name="node-a"),)
    decision = decide(running(of=session, pods=(), held_ports={}, report=None), POLICY)
    assert decision.actions == ()
    assert condition(decision, "Ready") == ("True", "Suspended")
    assert condition(decision, "Reconciling") == ("False", "Done")
    assert decision.status.phase is Phase.SUSPENDED
    assert decision.status.media_ports == ()
    assert decision.status.pod_name is None


def test_a_session_ends_after_its_longest_duration() -> None:
    session = with_lifecycle(maxDurationSeconds=60)
    decision = decide(running(of=session), POLICY)
    assert kinds(decision) == [DeletePod]
    assert condition(decision, "Finished") == ("True", "MaxDurationReached")
    assert condition(decision, "Ready") == ("False", "Expired")
    assert condition(decision, "Stalled") == ("True", "Expired")
    assert decision.status.phase is Phase.EXPIRED


def test_the_end_is_looked_for_when_it_comes() -> None:
    decision = decide(running(of=with_lifecycle(maxDurationSeconds=90)), POLICY)
    assert DeletePod not in kinds(decision)
    assert decision.requeue_after_s == 30


@pytest.mark.parametrize(("ttl_s", "deleted"), [(0, True), (10, False), (None, False)])
def test_a_finished_session_is_deleted_after_its_time(ttl_s: Any, deleted: Any) -> None:
    session = with_lifecycle(maxDurationSeconds=55, ttlSecondsAfterFinished=ttl_s)
    decision = decide(running(of=session, pods=(), held_ports={}, report=None), POLICY)
    assert (DeleteSession() in decision.actions) is deleted
    if ttl_s == 10:
        assert decision.requeue_after_s == 5


def test_for_a_session_that_is_being_deleted_nothing_is_made() -> None:
    session = builders.session(metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"})
    decision = decide(builders.observed(of=session, held_ports=HELD), POLICY)
    assert decision.actions == ()
    assert decision.status.phase is Phase.TERMINATING


# Time


RESYNC_S = 300 + zlib.crc32(builders.SESSION_UID.encode()) % 60


def not_ready_since(seconds: Any) -> Any:
    return Status(
        conditions=(
            Condition(
                type="Ready",
                status=ConditionStatus.FALSE,
                reason="x",
                message="x",
                last_transition_at=NOW - timedelta(seconds=seconds),
            ),
        )
    )


@pytest.mark.parametrize(
    ("status", "stalled", "look_again_s"),
    [
        pytest.param(not_ready_since(10), False, 110, id="10 s"),
        pytest.param(not_ready_since(120), True, RESYNC_S, id="120 s"),
    ],
)
def test_a_start_that_takes_too_long_is_said_and_goes_on(
    status: Any, stalled: Any, look_again_s: Any
) -> None:
    created = NOW - timedelta(hours=1)
    session = dataclasses.replace(builders.session(), status=status, created_at=created)
    decision = decide(builders.observed(of=session, phones=()), POLICY)
    expected = ("True", "ReadyTimeout") if stalled else ("False", "Progressing")
    assert condition(decision, "Stalled") == expected
    assert decision.requeue_after_s == look_again_s


def test_the_schemas_default_condition_does_not_count_as_waiting_since_1970() -> None:
    decision = decide(builders.observed(phones=()), POLICY)
    assert condition(decision, "Stalled") == ("False", "Progressing")
    assert decision.requeue_after_s == 60


# Conditions as a whole


def test_every_condition_is_written_each_time_in_one_order() -> None:
    for seen in (builders.observed(phones=()), builders.observed(), running()):
        status = decide(seen, POLICY).status
        assert [each.type for each in status.conditions] == list(ConditionType)
        assert all(each.observed_generation == 1 for each in status.conditions)
        assert all(each.message and each.reason.isalnum() for each in status.conditions)


def test_fields_without_effect_are_named() -> None:
    session = builders.session({"audio": {"enabled": True}, "access": {"tenant": "acme"}})
    decision = decide(running(of=session), POLICY)
    assert condition(decision, "SpecEffective") == ("False", "FieldsWithoutEffect")
    message = told(decision.status, ConditionType.SPEC_EFFECTIVE).message
    assert "spec.audio, spec.access.tenant" in message


def test_the_transition_time_changes_with_the_status_only() -> None:
    first = decide(running(), POLICY).status
    session = dataclasses.replace(builders.session(), status=first)
    later = running(
        of=session,
        now=NOW + timedelta(seconds=9),
        report=builders.report(1, document_version=DOCUMENT_VERSION),
    )
    second = decide(later, POLICY).status
    assert told(second, ConditionType.READY) == told(first, ConditionType.READY)
    changed = told(second, ConditionType.CLIENT_CONNECTED)
    assert changed.last_transition_at == NOW + timedelta(seconds=9)
