"""Status of a StreamSession: conditions and what goes with them."""

import dataclasses
from datetime import datetime
from enum import StrEnum


class ConditionType(StrEnum):
    """The conditions of a StreamSession, in the order in which they are written."""

    READY = "Ready"
    DEVICE_READY = "DeviceReady"
    PORTS_ALLOCATED = "PortsAllocated"
    POD_SCHEDULED = "PodScheduled"
    STREAMER_READY = "StreamerReady"
    REGISTERED = "Registered"
    CLIENT_CONNECTED = "ClientConnected"
    UPDATE_PENDING = "UpdatePending"
    GPU_UNUSED = "GPUUnused"
    SPEC_EFFECTIVE = "SpecEffective"
    FINISHED = "Finished"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class ConditionStatus(StrEnum):
    """Status of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Phase(StrEnum):
    """Where a session is in its life, in one word for people; derived from the conditions."""

    PENDING = "Pending"
    ALLOCATING = "Allocating"
    SCHEDULING = "Scheduling"
    STARTING = "Starting"
    READY = "Ready"
    STREAMING = "Streaming"
    SUSPENDED = "Suspended"
    FAILED = "Failed"
    EXPIRED = "Expired"
    TERMINATING = "Terminating"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """
    One condition, as the Kubernetes API conventions have it.

    Args:
        type: Name of the condition.
        status: Whether it holds.
        reason: Why, as one CamelCase word for machines.
        message: Why, as a sentence for people.
        observed_generation: Generation of the spec that it speaks of.
        last_transition_at: When `status` last changed; None in a condition not yet written.
    """

    type: str
    status: ConditionStatus
    reason: str
    message: str
    observed_generation: int | None = None
    last_transition_at: datetime | None = None

    @property
    def is_true(self) -> bool:
        """Whether the condition holds for certain."""
        return self.status is ConditionStatus.TRUE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """The phone that the session found; `pod_name` and `pod_uid` only for a phone that is a pod."""

    address: str
    pod_name: str | None = None
    pod_uid: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where to watch: URLs."""

    whep: str
    viewer: str
    api: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EncoderStatus:
    """The encoder that was asked for and the one in use; `reason` where they differ."""

    requested: str
    effective: str
    reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    Status of a StreamSession.

    Args:
        observed_generation: Generation of the spec that this status answers.
        phase: For people.
        conditions: One of each type.
        node_name: Node of the streamer pod.
        pod_name: Streamer pod.
        attempt: Number of the streamer pod; 0 before the first.
        device: The phone that was found.
        media_ports: Ports of the node, for UDP and TCP.
        addresses: Addresses of the node that viewers are told.
        endpoints: Where to watch.
        encoder: Which encoder runs.
        viewers: Connected viewers; None while unknown.
        idle_since: Since when nobody watches.
    """

    observed_generation: int | None = None
    phase: Phase = Phase.PENDING
    conditions: tuple[Condition, ...] = ()
    node_name: str | None = None
    pod_name: str | None = None
    attempt: int = 0
    device: DeviceStatus | None = None
    media_ports: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    endpoints: Endpoints | None = None
    encoder: EncoderStatus | None = None
    viewers: int | None = None
    idle_since: datetime | None = None

    def condition(self, type_: ConditionType) -> Condition | None:
        """The condition of this type, if there is one."""
        return next((each for each in self.conditions if each.type == type_), None)
