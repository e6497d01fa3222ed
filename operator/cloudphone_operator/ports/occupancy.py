"""
Host ports that pods claim on a node, whoever made them. Pure.

A pod claims its ports from when it is bound to the node until it has ended; a streamer pod of ours
that waits to be bound claims them on the node that it asks for.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cloudphone_operator.kube.resources import PODS, STREAM_SESSIONS
from cloudphone_operator.names import LABEL_MANAGED_BY, OPERATOR
from cloudphone_operator.ports.model import Holder, PortClaim

UNBOUND_STREAMERS = f"{LABEL_MANAGED_BY}={OPERATOR}"
"""Label selector of our pods; with field selector `spec.nodeName=` those that wait for a node."""

_ENDED_PHASES = frozenset({"Succeeded", "Failed"})


def parse_claims(pods: Iterable[Mapping[str, Any]], node: str) -> tuple[PortClaim, ...]:
    """
    Read the host ports that live pods claim on a node; each port once.

    Args:
        pods: v1 Pods, those bound to the node and our own that are not bound yet; others are
            passed over.
        node: Name of the Node.
    """
    claims: dict[int, PortClaim] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in _ENDED_PHASES or node not in _places(pod):
            continue
        holder = _holder_of(pod)
        ending = "deletionTimestamp" in pod["metadata"]
        for port in _host_ports(pod["spec"]):
            earlier = claims.get(port)
            # Two pods with one port cannot both run here: the one that stays is told.
            if earlier is None or (earlier.ending and not ending):
                claims[port] = PortClaim(port=port, holder=holder, ending=ending)
    return tuple(claims[port] for port in sorted(claims))


def _host_ports(spec: Mapping[str, Any]) -> Iterator[int]:
    host_network = spec.get("hostNetwork", False)
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for port in container.get("ports") or ():
            # The API server copies containerPort to hostPort in pods on the host's network.
            number = port.get("hostPort") or (port["containerPort"] if host_network else 0)
            if number:
                yield number


def _places(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """The node that a pod is bound to, else the nodes that it asks for by name."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return (spec["nodeName"],)
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return tuple(
        name
        for term in required.get("nodeSelectorTerms") or ()
        for field in term.get("matchFields") or ()
        if field["key"] == "metadata.name" and field["operator"] == "In"
        for name in field["values"]
    )


def _holder_of(pod: Mapping[str, Any]) -> Holder:
    metadata = pod["metadata"]
    if (metadata.get("labels") or {}).get(LABEL_MANAGED_BY) == OPERATOR:
        for owner in metadata.get("ownerReferences") or ():
            if owner["kind"] == STREAM_SESSIONS.kind and owner.get("controller"):
                return Holder(
                    manager=OPERATOR,
                    kind=STREAM_SESSIONS.kind,
                    namespace=metadata["namespace"],
                    name=owner["name"],
                    uid=owner["uid"],
                )
    return Holder(
        manager="",
        kind=PODS.kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
    )
