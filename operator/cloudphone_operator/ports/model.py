"""Values of the port ledger. Frozen: a change is a new ledger."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum


class PortState(StrEnum):
    """Why a port cannot be given now."""

    HELD = "Held"
    """Its holder uses it."""
    QUARANTINED = "Quarantined"
    """Given back; it rests, so that packets for the former holder do not reach the next one."""
    FOREIGN = "Foreign"
    """Something that we cannot see uses it; tried again later."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """
    Who holds ports: one object, told from its namesakes by uid.

    Args:
        manager: Program that gave the port, and the only one that frees it; empty where none did.
        kind: Kind of the object, e.g. `StreamSession`.
        namespace: Namespace of the object.
        name: Name of the object.
        uid: Uid of the object.
    """

    manager: str
    kind: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortEntry:
    """
    One port that cannot be given now.

    Args:
        port: Number, for UDP and TCP.
        state: Why it cannot be given.
        holder: Who holds it or held it last; None for a foreign user.
        until: When a quarantined port is free again, or a foreign one is tried again.
    """

    port: int
    state: PortState
    holder: Holder | None = None
    until: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortClaim:
    """
    A host port of one live pod.

    Args:
        port: Number of the host port.
        holder: The session that owns the pod, or the pod itself where it is not ours.
        ending: Whether the pod is being deleted.
    """

    port: int
    holder: Holder
    ending: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortRange:
    """Ports `first` to `last`, inclusive."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """
    What one sweep did.

    Args:
        nodes: Ledgers looked at.
        freed: Ports free again, as (node, port).
        reclaimed: Ports put to quarantine because their holder is gone, as (node, port).
        skipped: Sentences about what could not be looked at, and so was left alone.
    """

    nodes: int
    freed: tuple[tuple[str, int], ...]
    reclaimed: tuple[tuple[str, int], ...]
    skipped: tuple[str, ...]
