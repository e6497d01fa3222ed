"""Whole manifests: what the cluster is asked for is written down here once more, in full."""

import base64
import dataclasses
from typing import Any

import pytest

from cloudphone_operator.manifests.difference import fulfils
from cloudphone_operator.manifests.document import session_document
from cloudphone_operator.manifests.event import session_event
from cloudphone_operator.manifests.networkpolicy import session_network_policy
from cloudphone_operator.manifests.pod import spec_hash, streamer_pod
from cloudphone_operator.manifests.secret import session_secret
from cloudphone_operator.manifests.service import session_service
from cloudphone_operator.manifests.status import session_status
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.notes import Note
from cloudphone_operator.model.session import Toleration
from cloudphone_operator.model.status import (
    Condition,
    ConditionStatus,
    DeviceStatus,
    EncoderStatus,
    Endpoints,
    Phase,
    Status,
)
from tests.unit.operator import builders
from tests.unit.operator.builders import NOW, POLICY, SESSION_UID

OWNER = {
    "apiVersion": "streaming.cloudphone.io/v1alpha1",
    "kind": "StreamSession",
    "name": "phone-1",
    "uid": SESSION_UID,
    "controller": True,
    "blockOwnerDeletion": True,
}
LABELS = {
    "app.kubernetes.io/name": "cloudphone-streamer",
    "app.kubernetes.io/managed-by": "cloudphone-operator",
    "app.kubernetes.io/component": "streamer",
    "streaming.cloudphone.io/session": "phone-1",
}
METADATA = {
    "name": "phone-1-streamer",
    "namespace": "phones",
    "labels": LABELS,
    "ownerReferences": [OWNER],
}
DEVICE = Device(
    address="198.18.0.20:5555", pod_name="redroid-1", pod_uid="f0e0-0001", node_name="node-a"
)


def pod(
    spec: Any = None,
    *,
    device: Any = DEVICE,
    ports: Any = (50000,),
    policy: Any = POLICY,
    attempt: Any = 1,
    node: Any = None,
) -> Any:
    return streamer_pod(
        builders.session(spec),
        attempt=attempt,
        device=device,
        node=node or builders.node(),
        ports=ports,
        policy=policy,
    )


def test_the_pod_of_a_plain_session() -> None:
    built = pod(attempt=3)
    assert built == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "phone-1-3",
            "namespace": "phones",
            "labels": LABELS,
            "annotations": {
                "streaming.cloudphone.io/attempt": "3",
                "streaming.cloudphone.io/spec-hash": spec_hash(
                    builders.session(), builders.node(), (50000,)
                ),
            },
            "ownerReferences": [OWNER],
        },
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 10,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {
                                "matchFields": [
                                    {
                                        "key": "metadata.name",
                                        "operator": "In",
                                        "values": ["node-a"],
                                    }
                                ]
                            }
                        ]
                    }
                }
            },
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "streamer",
                    "image": "registry.example/streamer:1",
                    "imagePullPolicy": "IfNotPresent",
                    "env": [
                        {"name": "SESSION_DIR", "value": "/etc/cloudphone/session"},
                        {"name": "POD_NAME", "value": "phone-1-3"},
                        {"name": "NODE_NAME", "value": "node-a"},
                        {"name": "PORT", "value": "8080"},
                        {"name": "INTERNAL_PORT", "value": "9090"},
                        {"name": "ICE_PORT_MIN", "value": "50000"},
                        {"name": "ICE_PORT_MAX", "value": "50000"},
                        {"name": "NAT_1TO1_IPS", "value": "192.0.2.10"},
                        {"name": "LOG_LEVEL", "value": "info"},
                    ],
                    "ports": [
                        {"name": "api", "containerPort": 8080, "protocol": "TCP"},
                        {"name": "internal", "containerPort": 9090, "protocol": "TCP"},
                        {
                            "name": "media-0-udp",
                            "containerPort": 50000,
                            "hostPort": 50000,
                            "protocol": "UDP",
                        },
                        {
                            "name": "media-0-tcp",
                            "containerPort": 50000,
                            "hostPort": 50000,
                            "protocol": "TCP",
                        },
                    ],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "128Mi"},
                        "limits": {"memory": "512Mi"},
                    },
                    "startupProbe": {
                        "httpGet": {"path": "/livez", "port": "internal"},
                        "periodSeconds": 1,
                        "failureThreshold": 60,
                        "timeoutSeconds": 1,
                    },
                    "readinessProbe": {
                        "httpGet": {"path": "/health", "port": "internal"},
                        "periodSeconds": 1,
                        "failureThreshold": 2,
                        "timeoutSeconds": 2,
                    },
                    "livenessProbe": {
                        "httpGet": {"path": "/livez", "port": "internal"},
                        "periodSeconds": 10,
                        "failureThreshold": 3,
                        "timeoutSeconds": 5,
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "volumeMounts": [
                        {
                            "name": "session",
                            "mountPath": "/etc/cloudphone/session",
                            "readOnly": True,
                        },
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {
                    "name": "session",
                    "secret": {"secretName": "phone-1-streamer", "defaultMode": 0o440},
                },
                {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            ],
        },
    }


def test_a_gpu_by_device_plugin() -> None:
    built = pod(
        {"gpu": {"resourceName": "nvidia.com/gpu", "count": 2, "runtimeClassName": "nvidia"}}
    )
    container = built["spec"]["containers"][0]
    assert built["spec"]["runtimeClassName"] == "nvidia"
    assert "resourceClaims" not in built["spec"]
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "512Mi", "nvidia.com/gpu": "2"},
    }
    assert {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "video,compute,utility"} in container[
        "env"
    ]


def test_a_gpu_by_resource_claim() -> None:
    built = pod({"gpu": {"resourceClaimTemplateName": "one-gpu", "count": 1}})
    container = built["spec"]["containers"][0]
    assert built["spec"]["resourceClaims"] == [
        {"name": "gpu", "resourceClaimTemplateName": "one-gpu"}
    ]
    assert container["resources"]["claims"] == [{"name": "gpu"}]
    assert container["resources"]["limits"] == {"memory": "512Mi"}


def test_a_block_of_ports() -> None:
    container = pod(ports=(50002, 50003))["spec"]["containers"][0]
    media = [port for port in container["ports"] if "hostPort" in port]
    assert [(port["hostPort"], port["containerPort"], port["protocol"]) for port in media] == [
        (50002, 50002, "UDP"),
        (50002, 50002, "TCP"),
        (50003, 50003, "UDP"),
        (50003, 50003, "TCP"),
    ]
    assert len({port["name"] for port in container["ports"]}) == 6
    env = {item["name"]: item["value"] for item in container["env"]}
    assert (env["ICE_PORT_MIN"], env["ICE_PORT_MAX"]) == ("50002", "50003")


def test_placement_is_added_and_the_phones_tolerations_are_copied_once() -> None:
    shared = {"key": "phones", "operator": "Exists", "effect": "NoSchedule"}
    built = pod(
        {
            "placement": {
                "tolerations": [shared, {"key": "gpu", "operator": "Equal", "value": "yes"}],
                "priorityClassName": "high",
                "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "2"}},
                "image": "registry.example/streamer:beta",
            }
        },
        device=Device(
            address="198.18.0.20:5555",
            tolerations=(
                Toleration(key="phones", operator="Exists", effect="NoSchedule"),
                Toleration(
                    key="node.kubernetes.io/not-ready",
                    operator="Exists",
                    effect="NoExecute",
                    seconds=300,
                ),
            ),
        ),
    )
    assert built["spec"]["tolerations"] == [
        shared,
        {"key": "gpu", "operator": "Equal", "value": "yes"},
        {
            "key": "node.kubernetes.io/not-ready",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        },
    ]
    assert built["spec"]["priorityClassName"] == "high"
    container = built["spec"]["containers"][0]
    assert container["image"] == "registry.example/streamer:beta"
    assert container["resources"] == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"cpu": "2"},
    }


BASE_HASH = spec_hash(builders.session(), builders.node(), (50000,))


@pytest.mark.parametrize(
    ("spec", "node", "ports"),
    [
        pytest.param({"gpu": {"resourceName": "a.b/c"}}, None, None, id="a GPU"),
        pytest.param({"placement": {"image": "x"}}, None, None, id="the image"),
        pytest.param({"placement": {"priorityClassName": "x"}}, None, None, id="the priority"),
        pytest.param({"placement": {"resources": {}}}, None, None, id="the resources"),
        pytest.param(
            {"placement": {"tolerations": [{"operator": "Exists"}]}}, None, None, id="tolerations"
        ),
        pytest.param({"network": {"mediaPortCount": 2}}, None, None, id="the number of ports"),
        pytest.param({}, builders.node("node-b"), None, id="the node"),
        pytest.param({}, builders.node(addresses=("192.0.2.9",)), None, id="its addresses"),
        pytest.param({}, None, (50001,), id="the ports"),
    ],
)
def test_a_new_pod_is_needed_for(spec: Any, node: Any, ports: Any) -> None:
    changed = spec_hash(builders.session(spec), node or builders.node(), ports or (50000,))
    assert changed != BASE_HASH


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"video": {"bitrateBps": 1_000_000}}, id="the video"),
        pytest.param({"access": {"maxViewers": 1}}, id="access"),
        pytest.param({"capture": {"mode": "Scrcpy"}}, id="the capture"),
        pytest.param({"lifecycle": {"maxDurationSeconds": 60}}, id="the lifecycle"),
    ],
)
def test_no_new_pod_is_needed_for(spec: Any) -> None:
    assert spec_hash(builders.session(spec), builders.node(), (50000,)) == BASE_HASH


def test_an_operator_upgrade_changes_the_pod_but_not_what_it_is_named_by() -> None:
    newer = dataclasses.replace(POLICY, image="registry.example/streamer:2", log_level="debug")
    old, new = pod(), pod(policy=newer)
    assert old != new
    assert old["metadata"] == new["metadata"]


def test_the_secret() -> None:
    document = session_document(builders.session(), DEVICE, POLICY)
    keys = {"ticket-key": "dGlja2V0", "credential": "Y3JlZA=="}
    assert session_secret(builders.session(), document, keys) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": METADATA,
        "type": "streaming.cloudphone.io/session",
        "data": {
            "session.json": base64.b64encode(document.to_json().encode()).decode(),
            "ticket-key": "dGlja2V0",
            "credential": "Y3JlZA==",
        },
    }


def test_the_session_document() -> None:
    document = session_document(builders.session(), DEVICE, POLICY)
    assert document.model_dump(by_alias=True, mode="json") == {
        "schemaVersion": 1,
        "session": {"namespace": "phones", "name": "phone-1", "uid": SESSION_UID},
        "device": {
            "address": "198.18.0.20:5555",
            "podName": "redroid-1",
            "podUid": "f0e0-0001",
        },
        "capture": {"mode": "Auto"},
        "video": {
            "codecs": ["H264"],
            "encoder": "Passthrough",
            "bitrateBps": 8000000,
            "maxFps": 60,
            "maxSizePx": 1280,
            "keyFrameIntervalSeconds": 1,
        },
        "access": {"maxViewers": 32, "control": "Shared"},
        "reports": {"url": "http://198.19.0.7:8081"},
    }


def test_the_session_document_of_a_test_pattern_has_no_device() -> None:
    spec = {"capture": {"mode": "TestPattern"}, "device": None}
    document = session_document(builders.session(spec), Device(), POLICY)
    assert document.device is None
    assert document.capture.mode == "TestPattern"


def test_the_service() -> None:
    assert session_service(builders.session(), POLICY) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": METADATA,
        "spec": {
            "type": "ClusterIP",
            "selector": LABELS,
            "ports": [{"name": "api", "port": 8080, "protocol": "TCP", "targetPort": "api"}],
        },
    }


def from_operator() -> Any:
    labels = {"kubernetes.io/metadata.name": "cloudphone-system"}
    return [{"namespaceSelector": {"matchLabels": labels}}]


def test_the_network_policy() -> None:
    assert session_network_policy(builders.session(), (50000,), POLICY) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": METADATA,
        "spec": {
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "ports": [
                        {"port": 50000, "protocol": "UDP"},
                        {"port": 50000, "protocol": "TCP"},
                    ]
                },
                {"ports": [{"port": 8080, "protocol": "TCP"}], "from": from_operator()},
                {"ports": [{"port": 9090, "protocol": "TCP"}], "from": from_operator()},
            ],
        },
    }


def test_a_node_port_opens_the_api_to_all_and_a_block_of_ports_is_one_range() -> None:
    policy = dataclasses.replace(POLICY, service_type="NodePort")
    built = session_network_policy(builders.session(), (50000, 50001), policy)
    media, api, internal = built["spec"]["ingress"]
    assert media["ports"][0] == {"port": 50000, "endPort": 50001, "protocol": "UDP"}
    assert api == {"ports": [{"port": 8080, "protocol": "TCP"}]}
    assert internal["from"] == from_operator()


def test_the_status() -> None:
    condition = Condition(
        type="Ready",
        status=ConditionStatus.TRUE,
        reason="Serving",
        message="Viewers can connect.",
        observed_generation=2,
        last_transition_at=NOW,
    )
    status = Status(
        observed_generation=2,
        phase=Phase.STREAMING,
        conditions=(condition,),
        node_name="node-a",
        pod_name="phone-1-1",
        attempt=1,
        device=DeviceStatus(address="198.18.0.20:5555", pod_name="redroid-1", pod_uid="f0e0"),
        media_ports=(50000,),
        addresses=("192.0.2.10",),
        endpoints=Endpoints(whep="http://h/whep", viewer="http://h/", api="http://h"),
        encoder=EncoderStatus(requested="Auto", effective="Passthrough", reason="Cheapest"),
        viewers=2,
    )
    assert session_status(builders.session(), status) == {
        "apiVersion": "streaming.cloudphone.io/v1alpha1",
        "kind": "StreamSession",
        "metadata": {"name": "phone-1", "namespace": "phones", "resourceVersion": "7"},
        "status": {
            "observedGeneration": 2,
            "phase": "Streaming",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "observedGeneration": 2,
                    "reason": "Serving",
                    "message": "Viewers can connect.",
                    "lastTransitionTime": "2026-03-01T12:00:00Z",
                }
            ],
            "nodeName": "node-a",
            "podName": "phone-1-1",
            "attempt": 1,
            "device": {
                "podName": "redroid-1",
                "podUID": "f0e0",
                "address": "198.18.0.20:5555",
            },
            "mediaPorts": [{"port": 50000, "protocols": ["UDP", "TCP"]}],
            "addresses": ["192.0.2.10"],
            "endpoints": {"whep": "http://h/whep", "viewer": "http://h/", "api": "http://h"},
            "encoder": {
                "requested": "Auto",
                "effective": "Passthrough",
                "reason": "Cheapest",
            },
            "viewers": 2,
        },
    }


def test_an_event() -> None:
    note = Note(reason="PodCreated", message="x" * 2000, action="CreatePod")
    built = session_event(builders.session(), note, instance="operator-0", now=NOW)
    assert built == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "phone-1-", "namespace": "phones"},
        "eventTime": "2026-03-01T12:00:00.000000Z",
        "type": "Normal",
        "reason": "PodCreated",
        "action": "CreatePod",
        "note": "x" * 1024,
        "regarding": {
            "apiVersion": "streaming.cloudphone.io/v1alpha1",
            "kind": "StreamSession",
            "namespace": "phones",
            "name": "phone-1",
            "uid": SESSION_UID,
        },
        "reportingController": "cloudphone-operator",
        "reportingInstance": "operator-0",
    }


@pytest.mark.parametrize(
    ("live", "wanted", "is_so"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1}, True, id="more than was asked for is fine"),
        pytest.param({"a": 1}, {"a": 2}, False, id="another value is not"),
        pytest.param({}, {"a": 1}, False, id="nor an absent one"),
        pytest.param({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, True, id="items may have more"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, False, id="a list may not"),
        pytest.param({"a": {"x": "y", "z": "0"}}, {"a": {"x": "y"}}, True, id="nested"),
        pytest.param(None, {}, False, id="nothing is not an object"),
    ],
)
def test_a_stored_object_fulfils_its_manifest(live: Any, wanted: Any, is_so: Any) -> None:
    assert fulfils(live, wanted) is is_so
