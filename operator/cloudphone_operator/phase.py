"""The phase: one word for people, derived from the conditions and from nothing else. Pure."""

from collections.abc import Iterable

from cloudphone_operator.model.status import Condition, ConditionStatus, ConditionType, Phase

SUSPENDED = "Suspended"
TERMINATING = "Terminating"
ALLOCATING = "Allocating"
UNSCHEDULABLE = "Unschedulable"
"""Reasons of conditions that tell phases apart."""


def derive_phase(conditions: Iterable[Condition]) -> Phase:
    """The phase of a session with these conditions, one of each type."""
    by_type = {condition.type: condition for condition in conditions}
    ready = by_type[ConditionType.READY]
    if ready.reason == TERMINATING:
        return Phase.TERMINATING
    if by_type[ConditionType.FINISHED].is_true:
        return Phase.EXPIRED
    if ready.reason == SUSPENDED:
        return Phase.SUSPENDED
    if ready.is_true:
        connected = by_type[ConditionType.CLIENT_CONNECTED].is_true
        return Phase.STREAMING if connected else Phase.READY
    if by_type[ConditionType.STALLED].is_true:
        return Phase.FAILED
    scheduled = by_type[ConditionType.POD_SCHEDULED]
    if scheduled.is_true:
        return Phase.STARTING
    ports = by_type[ConditionType.PORTS_ALLOCATED]
    if by_type[ConditionType.DEVICE_READY].is_true and ports.is_true:
        # A pod that the scheduler has refused waits for a GPU, a port or room.
        return Phase.PENDING if scheduled.status is ConditionStatus.FALSE else Phase.SCHEDULING
    return Phase.ALLOCATING if ports.reason == ALLOCATING else Phase.PENDING
