"""Raw objects to values."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudphone_operator.model.cluster import Node, PodCondition, ServiceAddress, Taint
from cloudphone_operator.model.session import (
    FixedAddress,
    Gpu,
    Lifecycle,
    Placement,
    PodRef,
    PodSelector,
    Requirement,
    Resources,
    SessionKey,
    Toleration,
)
from cloudphone_operator.model.status import ConditionStatus
from cloudphone_operator.nodes import NodeClass
from cloudphone_operator.parse.children import (
    parse_child,
    parse_secret_keys,
    parse_service_address,
)
from cloudphone_operator.parse.fields import ParseError
from cloudphone_operator.parse.node import parse_node
from cloudphone_operator.parse.pod import parse_pod
from cloudphone_operator.parse.session import parse_session
from cloudphone_operator.parse.times import parse_time, to_micro_time, to_time
from cloudphone_operator.ports.ledger import Ledger
from cloudphone_operator.ports.model import Holder, PortEntry, PortRange, PortState
from cloudphone_protocol.session import CaptureMode, ControlPolicy, Encoder
from tests.unit.operator import builders


def test_a_session_with_the_schemas_defaults() -> None:
    session = builders.session()
    assert session.key == SessionKey(namespace="phones", name="phone-1")
    assert session.uid == builders.SESSION_UID
    assert session.created_at == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
    assert session.device == PodRef(name="redroid-1")
    assert session.adb_port == 5555
    assert session.capture_mode is CaptureMode.AUTO
    assert session.video.encoder is Encoder.PASSTHROUGH
    assert session.access.control is ControlPolicy.SHARED
    assert session.gpu is None
    assert session.media_port_count == 1
    assert session.lifecycle == Lifecycle()
    assert session.placement == Placement()
    assert session.without_effect == ()
    assert not session.deleting


def test_a_session_that_says_everything() -> None:
    session = builders.session(
        {
            "device": {
                "podSelector": {
                    "matchLabels": {"app": "phone"},
                    "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["old"]}],
                },
                "adbPort": 5556,
            },
            "gpu": {"resourceName": "nvidia.com/gpu", "count": 2, "runtimeClassName": "nvidia"},
            "lifecycle": {
                "suspended": True,
                "maxDurationSeconds": 60,
                "readyTimeoutSeconds": 30,
                "ttlSecondsAfterFinished": 0,
                "allowDisruption": True,
            },
            "placement": {
                "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}],
                "priorityClassName": "high",
                "resources": {"requests": {"memory": "1Gi", "cpu": 1}},
                "image": "x",
            },
        }
    )
    assert session.device == PodSelector(
        requirements=(
            Requirement(key="app", operator="In", values=("phone",)),
            Requirement(key="tier", operator="NotIn", values=("old",)),
        )
    )
    assert session.adb_port == 5556
    assert session.gpu == Gpu(resource_name="nvidia.com/gpu", count=2, runtime_class_name="nvidia")
    assert session.lifecycle == Lifecycle(
        suspended=True,
        max_duration_s=60,
        ready_timeout_s=30,
        ttl_after_finished_s=0,
        allow_disruption=True,
    )
    assert session.placement == Placement(
        tolerations=(Toleration(key="a", operator="Exists", seconds=5),),
        priority_class_name="high",
        resources=Resources(requests=(("cpu", "1"), ("memory", "1Gi"))),
        image="x",
    )


def test_an_address_and_no_device() -> None:
    assert builders.session({"device": {"address": "192.0.2.7"}}).device == FixedAddress(
        address="192.0.2.7"
    )
    assert builders.session({"device": None}).device is None


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"device": {"podRef": {"name": "p"}, "guard": True}}, "spec.device.guard"),
        (
            {"device": {"podRef": {"name": "p"}, "protectFromEviction": True}},
            "spec.device.protectFromEviction",
        ),
        ({"capture": {"mode": "Screenrecord"}}, "spec.capture.mode"),
        ({"video": {"encoder": "Nvenc"}}, "spec.video.encoder"),
        ({"video": {"profile": "High"}}, "spec.video.profile"),
        ({"video": {"preset": "Slow"}}, "spec.video.preset"),
        ({"audio": {"enabled": True}}, "spec.audio"),
        ({"network": {"mode": "Relay"}}, "spec.network.mode"),
        ({"network": {"iceServersSecretRef": {"name": "t"}}}, "spec.network.iceServersSecretRef"),
        ({"access": {"tenant": "acme"}}, "spec.access.tenant"),
        ({"access": {"clipboard": {"fromPhone": True}}}, "spec.access.clipboard.fromPhone"),
        ({"access": {"clipboard": {"toPhone": True}}}, "spec.access.clipboard.toPhone"),
        ({"access": {"fileDrop": {"enabled": True, "maxBytes": 1}}}, "spec.access.fileDrop"),
        ({"recording": {"mode": "Always", "claimName": "c"}}, "spec.recording"),
        ({"lifecycle": {"idle": {"afterSeconds": 60}}}, "spec.lifecycle.idle"),
    ],
)
def test_a_field_without_effect_is_named(spec: Any, field: Any) -> None:
    assert builders.session(spec).without_effect == (field,)


@pytest.mark.parametrize(
    "spec",
    [
        {"audio": {"enabled": False}},
        {"recording": {"mode": "Off"}},
        {"video": {"encoder": "Auto"}},
        {"access": {"clipboard": {"fromPhone": False, "toPhone": False}, "fileDrop": {}}},
    ],
)
def test_a_field_that_asks_for_nothing_is_not_named(spec: Any) -> None:
    assert builders.session(spec).without_effect == ()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, "metadata.namespace is absent; expected a value"),
        ([], "object is []; expected an object"),
        (
            builders.raw_session({"device": {"podRef": {"name": 5}}}),
            "spec.device.podRef.name is 5; expected a string",
        ),
        (
            builders.raw_session({"network": {"mediaPortCount": "two"}}),
            "spec.network.mediaPortCount is 'two'; expected a whole number",
        ),
        (
            builders.raw_session({"capture": {"mode": "Telepathy"}}),
            f"spec.capture.mode is 'Telepathy'; expected one of {', '.join(CaptureMode)}",
        ),
        (
            builders.raw_session(metadata={"creationTimestamp": "yesterday"}),
            "metadata.creationTimestamp is 'yesterday'; expected an RFC 3339 time",
        ),
        (
            builders.raw_session({"device": {"podSelector": {}}}),
            "spec.device.podSelector is empty; expected at least one label",
        ),
    ],
)
def test_the_error_names_field_value_and_expectation(raw: Any, message: Any) -> None:
    with pytest.raises(ParseError) as error:
        parse_session(raw)
    assert str(error.value) == message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


def places(value: Any, path: Any = ()) -> Any:
    """Paths of all values in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def replaced(value: Any, path: Any, new: Any) -> Any:
    if not path:
        return new
    copy = json.loads(json.dumps(value))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return copy


RAW_POD = {
    "metadata": {
        "name": "phone-1-2",
        "uid": "u",
        "creationTimestamp": "2026-03-01T11:59:00Z",
        "deletionTimestamp": "2026-03-01T12:59:00Z",
        "labels": {"a": "b"},
        "annotations": {
            "streaming.cloudphone.io/attempt": "2",
            "streaming.cloudphone.io/spec-hash": "h",
        },
        "ownerReferences": [
            {"kind": "Other", "uid": "o"},
            {"kind": "StreamSession", "uid": "s", "controller": True},
        ],
    },
    "spec": {
        "nodeName": "node-a",
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {"name": "streamer", "ports": [{"containerPort": 8080}, {"hostPort": 50001}]},
            {"name": "other", "ports": [{"hostPort": 50000}, {"hostPort": 50001}]},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "198.18.0.30",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "R", "message": "M"},
            {"type": "PodScheduled", "status": "True"},
        ],
        "containerStatuses": [
            {"name": "other"},
            {
                "name": "streamer",
                "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": {"terminated": {"exitCode": 1, "message": "one\ntwo\n"}},
            },
        ],
    },
}


def test_a_pod() -> None:
    pod = parse_pod(RAW_POD)
    assert (pod.name, pod.uid, pod.attempt, pod.spec_hash) == ("phone-1-2", "u", 2, "h")
    assert (pod.controller_uid, pod.node_name, pod.ip) == ("s", "node-a", "198.18.0.30")
    assert pod.deleting
    assert not pod.is_ready
    assert pod.ready == PodCondition(status=ConditionStatus.FALSE, reason="R", message="M")
    assert pod.scheduled == PodCondition(status=ConditionStatus.TRUE, reason="", message="")
    assert pod.host_ports == (50000, 50001)
    assert pod.tolerations == (Toleration(operator="Exists"),)
    assert pod.container.waiting_reason == "CrashLoopBackOff"
    assert pod.container.restarts == 4
    assert pod.container.last_words == "exit code 1: two"


RAW_NODE = {
    "metadata": {"name": "node-a", "uid": "n", "labels": {"kind": "gpu"}},
    "spec": {
        "unschedulable": True,
        "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "ExternalIP", "address": "192.0.2.10"},
        ],
        "allocatable": {"cpu": "4", "nvidia.com/gpu": "2"},
    },
}
HOLDER = Holder(
    manager="cloudphone-operator", kind="StreamSession", namespace="p", name="s", uid="u"
)
LEDGER = Ledger.of([PortEntry(port=50001, state=PortState.HELD, holder=HOLDER)])


def test_a_node_and_what_its_class_and_its_ledger_leave_free() -> None:
    classes = (NodeClass(name="few", ports=PortRange(first=50000, last=50003)),)
    assert parse_node(RAW_NODE, classes, LEDGER) == Node(
        name="node-a",
        addresses=("192.0.2.10",),
        ready=True,
        unschedulable=True,
        taints=(Taint(key="gpu", value="yes", effect="NoSchedule"),),
        extended_resources=(("nvidia.com/gpu", 2),),
        free_ports=3,
    )


def test_a_node_whose_class_allows_no_more_sessions_has_no_free_port() -> None:
    assert parse_node(RAW_NODE, (NodeClass(max_sessions=1),), LEDGER).free_ports == 0


RAW_SECRET = {
    "metadata": {"name": "x", "uid": "c", "ownerReferences": []},
    "data": {"session.json": "e30=", "ticket-key": "YQ==", "credential": ""},
}


def test_the_children() -> None:
    child = parse_child(RAW_SECRET)
    assert (child.uid, child.controller_uid, child.controller_kind) == ("c", "", "")
    assert parse_secret_keys(RAW_SECRET) == {"ticket-key": "YQ=="}
    assert parse_secret_keys(None) == {}
    assert "YQ==" not in repr(child)


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ({"clusterIP": "None", "ports": [{"port": 1}]}, None),
        ({"ports": [{"port": 1}]}, None),
        (
            {"clusterIP": "198.19.0.9", "ports": [{"port": 8080}]},
            ServiceAddress(cluster_ip="198.19.0.9", port=8080),
        ),
        (
            {"clusterIP": "198.19.0.9", "ports": [{"port": 8080, "nodePort": 31000}]},
            ServiceAddress(cluster_ip="198.19.0.9", port=8080, node_port=31000),
        ),
    ],
)
def test_the_address_of_a_service(spec: Any, address: Any) -> None:
    assert parse_service_address({"spec": spec}) == address


def raw_service() -> Any:
    return {"metadata": {"uid": "x"}, "spec": {"clusterIP": "1", "ports": [{"port": 1}]}}


def parse_any_node(raw: Any) -> Any:
    return parse_node(raw, (), Ledger())


@settings(max_examples=300, deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    ("parse", "valid"),
    [
        pytest.param(parse_session, builders.raw_session(), id="session"),
        pytest.param(parse_pod, RAW_POD, id="pod"),
        pytest.param(parse_any_node, RAW_NODE, id="node"),
        pytest.param(parse_child, RAW_SECRET, id="child"),
        pytest.param(parse_secret_keys, RAW_SECRET, id="keys"),
        pytest.param(parse_service_address, raw_service(), id="service"),
    ],
)
def test_whatever_is_read_the_error_is_a_parse_error(parse: Any, valid: Any, data: Any) -> None:
    path = data.draw(st.sampled_from(list(places(valid))))
    raw = replaced(valid, path, data.draw(json_values))
    try:
        parse(raw)
    except ParseError as error:
        said = str(error)
    else:
        return
    assert "expected" in said


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)))  # noqa: DTZ001
def test_times_come_back_as_they_went(time: Any) -> None:
    assert parse_time(to_time(time)) == time.replace(microsecond=0)
    assert parse_time(to_micro_time(time)) == time


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00", "", "0001-01-01T00:00:00+14:00", "now"])
def test_what_is_no_time_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
