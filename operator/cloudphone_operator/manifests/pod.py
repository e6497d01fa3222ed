"""
The streamer pod.

It meets Pod Security's `restricted` in all but its hostPorts, which are the product's point:
viewers reach the streamer on its node without a proxy in between.
"""

import hashlib
import json
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.manifests.metadata import child_metadata
from cloudphone_operator.model.cluster import Node
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import Gpu, Resources, Session, Toleration
from cloudphone_protocol.environment import (
    API_PORT,
    HEALTH_PATH,
    INTERNAL_PORT,
    LIVENESS_PATH,
    SESSION_DIR,
    PodEnvironment,
)

_USER_ID = 65532
"""The images' user; a number, so that the kubelet can see that it is not root."""

_GRACE_PERIOD_S = 10
"""The streamer tells its viewers and ends within 5 s of SIGTERM."""

_DEFAULT_REQUESTS = {"cpu": "100m", "memory": "128Mi"}
_DEFAULT_LIMITS = {"memory": "512Mi"}
"""No CPU limit: throttling shows as stutter. The request is what passing a stream through takes."""

_DRIVER_CAPABILITIES = "video,compute,utility"


def streamer_pod(
    session: Session,
    *,
    attempt: int,
    device: Device,
    node: Node,
    ports: tuple[int, ...],
    policy: Policy,
) -> dict[str, Any]:
    """
    Build the pod.

    Args:
        session: Its owner.
        attempt: Number of the pod, counted from 1.
        device: The phone, whose tolerations are copied: where it is, its streamer must be let in.
        node: Node that it must be placed on.
        ports: Contiguous media ports held on that node, ascending.
        policy: Image and log level.
    """
    name = names.pod_name(session.key.name, attempt)
    metadata = child_metadata(session, name)
    metadata["annotations"] = {
        names.ANNOTATION_ATTEMPT: str(attempt),
        names.ANNOTATION_SPEC_HASH: spec_hash(session, node, ports),
    }
    environment = PodEnvironment(
        pod_name=name,
        node_name=node.name,
        media_port_min=ports[0],
        media_port_max=ports[-1],
        addresses=node.addresses,
        log_level=policy.log_level,
    )
    spec: dict[str, Any] = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": _GRACE_PERIOD_S,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "affinity": {"nodeAffinity": _on_node(node.name)},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER_ID,
            "runAsGroup": _USER_ID,
            "fsGroup": _USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(session, environment, ports, policy)],
        "volumes": [
            {
                "name": "session",
                "secret": {"secretName": names.child_name(session.key.name), "defaultMode": 0o440},
            },
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }
    tolerations = _merge(session.placement.tolerations, device.tolerations)
    if tolerations:
        spec["tolerations"] = tolerations
    if session.placement.priority_class_name is not None:
        spec["priorityClassName"] = session.placement.priority_class_name
    if session.gpu is not None:
        if session.gpu.runtime_class_name is not None:
            spec["runtimeClassName"] = session.gpu.runtime_class_name
        if session.gpu.claim_template_name is not None:
            spec["resourceClaims"] = [
                {"name": "gpu", "resourceClaimTemplateName": session.gpu.claim_template_name}
            ]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def spec_hash(session: Session, node: Node, ports: tuple[int, ...]) -> str:
    """
    Name of all that only a new pod can change: of the user's spec, and of its place.

    Not of the operator's image, options or version: an upgrade never restarts a live stream. Not of
    the phone's tolerations either: they matter only while a pod is being scheduled.
    """
    gpu, placement = session.gpu, session.placement
    facts = {
        "gpu": [gpu.resource_name, gpu.count, gpu.claim_template_name, gpu.runtime_class_name]
        if gpu is not None
        else None,
        "tolerations": _merge(placement.tolerations),
        "priorityClassName": placement.priority_class_name,
        "resources": [placement.resources.requests, placement.resources.limits]
        if placement.resources is not None
        else None,
        "image": placement.image,
        "mediaPortCount": session.media_port_count,
        "node": node.name,
        "addresses": node.addresses,
        "ports": ports,
    }
    encoded = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(encoded.encode()).hexdigest()[:16]


def _on_node(node_name: str) -> dict[str, Any]:
    # Never spec.nodeName: that would go around the scheduler, and with it around the checks of
    # host ports, resources and taints.
    field = {"key": "metadata.name", "operator": "In", "values": [node_name]}
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [field]}]
        }
    }


def _container(
    session: Session, environment: PodEnvironment, ports: tuple[int, ...], policy: Policy
) -> dict[str, Any]:
    env = environment.to_env()
    if session.gpu is not None:
        env["NVIDIA_DRIVER_CAPABILITIES"] = _DRIVER_CAPABILITIES
    media = [
        {
            "name": f"media-{index}-{protocol.lower()}",
            "containerPort": port,
            "hostPort": port,
            "protocol": protocol,
        }
        for index, port in enumerate(ports)
        for protocol in ("UDP", "TCP")
    ]
    return {
        "name": names.CONTAINER,
        "image": session.placement.image or policy.image,
        "imagePullPolicy": policy.image_pull_policy,
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [
            {"name": "api", "containerPort": API_PORT, "protocol": "TCP"},
            {"name": "internal", "containerPort": INTERNAL_PORT, "protocol": "TCP"},
            *media,
        ],
        "resources": _resources(session.placement.resources, session.gpu),
        # A slow start is no reason for a restart; a phone that is away is none either.
        "startupProbe": _probe(LIVENESS_PATH, period_s=1, failures=60, timeout_s=1),
        "readinessProbe": _probe(HEALTH_PATH, period_s=1, failures=2, timeout_s=2),
        "livenessProbe": _probe(LIVENESS_PATH, period_s=10, failures=3, timeout_s=5),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # The last lines of the log, so that the condition can say why it crashes.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "session", "mountPath": SESSION_DIR, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a directory of the pod's own
        ],
    }


def _probe(path: str, *, period_s: int, failures: int, timeout_s: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "internal"},
        "periodSeconds": period_s,
        "failureThreshold": failures,
        "timeoutSeconds": timeout_s,
    }


def _resources(resources: Resources | None, gpu: Gpu | None) -> dict[str, Any]:
    if resources is None:
        requests, limits = dict(_DEFAULT_REQUESTS), dict(_DEFAULT_LIMITS)
    else:
        requests, limits = dict(resources.requests), dict(resources.limits)
    built: dict[str, Any] = {}
    if gpu is not None and gpu.resource_name is not None:
        # An extended resource's request follows its limit.
        limits[gpu.resource_name] = str(gpu.count)
    if gpu is not None and gpu.claim_template_name is not None:
        built["claims"] = [{"name": "gpu"}]
    if requests:
        built["requests"] = requests
    if limits:
        built["limits"] = limits
    return built


def _merge(*groups: tuple[Toleration, ...]) -> list[dict[str, Any]]:
    merged: dict[Toleration, None] = dict.fromkeys(each for group in groups for each in group)
    return [_to_toleration(toleration) for toleration in merged]


def _to_toleration(toleration: Toleration) -> dict[str, Any]:
    fields = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.seconds,
    }
    return {name: value for name, value in fields.items() if value is not None}
