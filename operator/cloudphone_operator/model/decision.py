"""What to do: ordered actions, the status to write, and when to look again."""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cloudphone_operator.model.status import Status
from cloudphone_protocol.session import SessionDocument


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AllocatePorts:
    """Hold `count` contiguous media ports of the node."""

    node_name: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePorts:
    """Return the ports held on the node; no pod of the session is there any more."""

    node_name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MarkForeign:
    """The scheduler found these ports taken by something that we cannot see."""

    node_name: str
    ports: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApplySecret:
    """Write the session's Secret: the document, and the keys that are there or else new ones."""

    document: SessionDocument


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApplyChild:
    """Write the session's Service or NetworkPolicy."""

    manifest: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreatePod:
    """Create a streamer pod; `replaces` says what became of the former one, empty for the first."""

    manifest: Mapping[str, Any]
    replaces: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeletePod:
    """
    Delete a streamer pod.

    Args:
        name: Its name.
        uid: Tells it from its namesakes.
        why: For people, and the reason of a successor.
        intended: Whether the spec or the phone asks for it, which says nothing against the pod.
        grace_period_s: Time for it to end; None for its own setting.
    """

    name: str
    uid: str
    why: str
    intended: bool = False
    grace_period_s: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushDocument:
    """Tell a running streamer the current document, since it runs another."""

    pod_ip: str
    document: SessionDocument


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSession:
    """Delete the session: its time after the end is over."""


Action = (
    AllocatePorts
    | ReleasePorts
    | MarkForeign
    | ApplySecret
    | ApplyChild
    | CreatePod
    | DeletePod
    | PushDocument
    | DeleteSession
)


class FailureKind(StrEnum):
    """What an action ran into."""

    NO_PORT = "NoPortFree"
    REFUSED = "CreateRefused"
    """RBAC, Pod Security, quota or an invalid object: a person must act."""
    NAME_TAKEN = "NameTaken"
    """An object that is not ours has the name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    An action that did not succeed, in the words of whoever refused it.

    Args:
        kind: What it ran into.
        message: The API server's or the port ledger's own sentence.
        object_name: Name of the object concerned; empty for ports.
    """

    kind: FailureKind
    message: str
    object_name: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    What follows from one observation.

    Args:
        status: Status to write once there is nothing more to do.
        actions: In order; each is harmless to repeat.
        requeue_after_s: When to look again even if nothing happens.
    """

    status: Status
    actions: tuple[Action, ...] = ()
    requeue_after_s: float | None = None
