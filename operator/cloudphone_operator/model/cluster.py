"""What is there: pods, nodes, the session's children, the streamer's own report."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloudphone_operator.model.session import Toleration
from cloudphone_operator.model.status import ConditionStatus
from cloudphone_protocol.reports import Report


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PodCondition:
    """A condition of a pod, word for word."""

    status: ConditionStatus
    reason: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """
    The streamer's container.

    Args:
        running: Whether a process runs in it.
        waiting_reason: Why it does not start, e.g. `ImagePullBackOff`; empty if it does not wait.
        waiting_message: The same for people.
        restarts: How often it was started again.
        last_words: How its last process ended: exit code and last lines of the log.
    """

    running: bool = False
    waiting_reason: str = ""
    waiting_message: str = ""
    restarts: int = 0
    last_words: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """
    A pod: a phone or a streamer.

    Args:
        name: Its name.
        uid: Tells it from its namesakes.
        created_at: When it was created.
        deletion_at: When its grace period ends; None unless its deletion has been asked for.
        labels: Its labels.
        controller_uid: Uid of the object that controls it; empty if none does.
        attempt: Number of a streamer pod; 0 for any other.
        spec_hash: What of spec and placement a streamer pod was made from.
        node_name: Its node; empty before it is scheduled.
        phase: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
        reason: Why it failed, e.g. `Evicted`.
        message: The same for people.
        ip: Its address; empty before it has one.
        ready: Condition Ready.
        scheduled: Condition PodScheduled.
        host_ports: Ports of the node that it claims.
        tolerations: Its tolerations.
        container: The streamer's container; empty for any other pod.
    """

    name: str
    uid: str
    created_at: datetime
    deletion_at: datetime | None = None
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    controller_uid: str = ""
    attempt: int = 0
    spec_hash: str = ""
    node_name: str = ""
    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    ip: str = ""
    ready: PodCondition | None = None
    scheduled: PodCondition | None = None
    host_ports: tuple[int, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    container: ContainerState = ContainerState()

    @property
    def deleting(self) -> bool:
        """Whether its deletion has been asked for."""
        return self.deletion_at is not None

    @property
    def finished(self) -> bool:
        """Whether its containers will never run again."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def is_ready(self) -> bool:
        """Whether the kubelet's readiness probe succeeds."""
        return self.ready is not None and self.ready.status is ConditionStatus.TRUE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """Taint of a node."""

    key: str
    value: str
    effect: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    A node that a streamer may be placed on.

    Args:
        name: Its name.
        addresses: Addresses that viewers are told, in order of preference.
        ready: Condition Ready.
        unschedulable: Whether it is cordoned.
        taints: Its taints.
        extended_resources: How many of each extended resource it has, e.g. `nvidia.com/gpu`.
        free_ports: How many media ports can be given; counted only where a node must be chosen.
    """

    name: str
    addresses: tuple[str, ...] = ()
    ready: bool = True
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    extended_resources: tuple[tuple[str, int], ...] = ()
    free_ports: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """
    The session's Secret, Service or NetworkPolicy as stored.

    Args:
        uid: Tells it from its namesakes.
        controller_uid: Uid of the object that controls it; empty if none does.
        controller_kind: Kind of that object.
        live: The stored object, to compare with the wanted one; a Secret's holds keys.
    """

    uid: str
    controller_uid: str
    controller_kind: str
    live: Mapping[str, Any] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """How the session's Service is reached; `node_port` is None for type ClusterIP."""

    cluster_ip: str
    port: int
    node_port: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedReport:
    """What the streamer said last, and when it was heard."""

    report: Report
    received_at: datetime
