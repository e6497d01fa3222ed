"""Which node must or may the streamer be on?"""

import dataclasses

from cloudphone_operator.model.cluster import Node
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.session import Session, Toleration

_KEEPS_PODS_OUT = {"NoSchedule", "NoExecute"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeChoice:
    """The node, or a sentence on why there is none; both empty while the phone is missing."""

    node: Node | None = None
    problem: str = ""


def choose_node(observed: Observed) -> NodeChoice:
    """
    Choose the streamer's node: the phone's, or for a phone that is on none, one with free ports.

    The choice among several is a function of what is observed, and stays once ports are held.
    """
    device = observed.finding.device
    if device is None:
        return NodeChoice()
    if device.node_name is not None:
        for node in observed.nodes:
            if node.name == device.node_name:
                return _with_addresses(node)
        return NodeChoice(problem=f"Node {device.node_name} of the phone does not exist.")
    kept = _kept_node(observed)
    if kept is not None:
        return _with_addresses(kept)
    return _choose_any(observed, device)


def _kept_node(observed: Observed) -> Node | None:
    held = sorted(name for name, ports in observed.held_ports.items() if ports)
    running = [pod.node_name for pod in observed.pods if not pod.finished and not pod.deleting]
    for name in (*running, *held):
        for node in observed.nodes:
            if node.name == name:
                return node
    return None


def _choose_any(observed: Observed, device: Device) -> NodeChoice:
    fitting = [
        node
        for node in observed.nodes
        if node.addresses
        and node.ready
        and not node.unschedulable
        and _tolerated(node, observed.session, device)
        and _has_gpu(node, observed.session)
    ]
    if not fitting:
        return NodeChoice(
            problem=f"None of {len(observed.nodes)} nodes is ready, schedulable, tolerated and has "
            "an address and what spec.gpu asks for."
        )
    # Even a node without a free port: the ledger then says what takes them.
    return NodeChoice(node=min(fitting, key=lambda node: (-node.free_ports, node.name)))


def _with_addresses(node: Node) -> NodeChoice:
    if not node.addresses:
        return NodeChoice(
            problem=f"Node {node.name} has no address that viewers could reach; set its annotation "
            "streaming.cloudphone.io/addresses or the addressPolicy of its StreamNodeClass."
        )
    return NodeChoice(node=node)


def _tolerated(node: Node, session: Session, device: Device) -> bool:
    tolerations = (*session.placement.tolerations, *device.tolerations)
    return all(
        any(
            _tolerates(toleration, taint.key, taint.value, taint.effect)
            for toleration in tolerations
        )
        for taint in node.taints
        if taint.effect in _KEEPS_PODS_OUT
    )


def _tolerates(toleration: Toleration, key: str, value: str, effect: str) -> bool:
    if toleration.effect is not None and toleration.effect != effect:
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    if toleration.key != key:
        return False
    return toleration.operator == "Exists" or (toleration.value or "") == value


def _has_gpu(node: Node, session: Session) -> bool:
    if session.gpu is None or session.gpu.resource_name is None:
        return True
    return dict(node.extended_resources).get(session.gpu.resource_name, 0) >= session.gpu.count
