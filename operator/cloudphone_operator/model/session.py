"""What the user wants: the spec of a StreamSession, and the status that we last wrote to it."""

import dataclasses
from datetime import datetime, timedelta

from cloudphone_operator.model.status import Status
from cloudphone_protocol.session import Access, CaptureMode, Video


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SessionKey:
    """Which session: the unit that the queue and the reconciler work by."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement of a label selector: `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PodRef:
    """The phone is the pod of this name."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PodSelector:
    """The phone is the pod that meets all requirements."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether a pod with these labels meets all requirements."""
        return all(_meets(labels, requirement) for requirement in self.requirements)

    def to_selector(self) -> str:
        """The same as in `kubectl get -l`."""
        return ",".join(_to_term(requirement) for requirement in self.requirements)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FixedAddress:
    """The phone is no pod but has this IP address."""

    address: str


DeviceSource = PodRef | PodSelector | FixedAddress


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """Toleration of a taint, as in a Pod; absent fields mean what they mean there."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    seconds: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU for the streamer: an extended resource, or a ResourceClaimTemplate."""

    resource_name: str | None = None
    count: int = 1
    claim_template_name: str | None = None
    runtime_class_name: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Requests and limits of the container, by resource name, as quantities."""

    requests: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What the user adds to the streamer pod."""

    tolerations: tuple[Toleration, ...] = ()
    priority_class_name: str | None = None
    resources: Resources | None = None
    image: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """When the session runs, rests and ends."""

    suspended: bool = False
    max_duration_s: int | None = None
    ready_timeout_s: int = 120
    ttl_after_finished_s: int | None = None
    allow_disruption: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    A StreamSession.

    Args:
        key: Namespace and name.
        uid: Tells it from its namesakes.
        generation: Grows with each change of the spec.
        resource_version: What of it was read; a status that rests on it is written on no other.
        created_at: When it was created.
        deleting: Whether its deletion has been asked for.
        device: Where the phone is; None for a test pattern.
        adb_port: Port of the phone's adbd.
        capture_mode: How the picture is taken.
        video: How it is encoded, as the streamer is told.
        access: Who may do what, as the streamer is told.
        gpu: GPU to ask for.
        media_port_count: Contiguous ports of the node to hold.
        lifecycle: When it runs, rests and ends.
        placement: Additions to the pod.
        without_effect: Fields that the user set and that this version does not act on.
        status: What we last wrote.
    """

    key: SessionKey
    uid: str
    generation: int
    resource_version: str
    created_at: datetime
    deleting: bool
    device: DeviceSource | None
    adb_port: int
    capture_mode: CaptureMode
    video: Video
    access: Access
    gpu: Gpu | None
    media_port_count: int
    lifecycle: Lifecycle
    placement: Placement
    without_effect: tuple[str, ...]
    status: Status

    @property
    def ends_at(self) -> datetime | None:
        """When it ends by itself; None if it does not."""
        if self.lifecycle.max_duration_s is None:
            return None
        return self.created_at + timedelta(seconds=self.lifecycle.max_duration_s)


def _meets(labels: dict[str, str], requirement: Requirement) -> bool:
    # Kubernetes' label selectors: NotIn and DoesNotExist also hold where the key is absent.
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case _:
            return value is None


def _to_term(requirement: Requirement) -> str:
    key, values = requirement.key, f"({','.join(requirement.values)})"
    match requirement.operator:
        case "In":
            return f"{key} in {values}"
        case "NotIn":
            return f"{key} notin {values}"
        case "Exists":
            return key
        case _:
            return f"!{key}"
