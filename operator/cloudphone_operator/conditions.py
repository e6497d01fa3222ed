"""
Conditions by the Kubernetes API conventions. Pure.

`true`, `false` and `unknown` make one; `settle` gives them the times and generation that they are
written with.
"""

import dataclasses
from collections.abc import Iterable
from datetime import datetime

from cloudphone_operator.model.status import Condition, ConditionStatus, ConditionType

_ORDER = {type_: index for index, type_ in enumerate(ConditionType)}


def true(type_: ConditionType, reason: str, message: str) -> Condition:
    """A condition that holds."""
    return Condition(type=type_, status=ConditionStatus.TRUE, reason=reason, message=message)


def false(type_: ConditionType, reason: str, message: str) -> Condition:
    """A condition that does not hold."""
    return Condition(type=type_, status=ConditionStatus.FALSE, reason=reason, message=message)


def unknown(type_: ConditionType, reason: str, message: str) -> Condition:
    """A condition of which nobody can tell."""
    return Condition(type=type_, status=ConditionStatus.UNKNOWN, reason=reason, message=message)


def settle(
    previous: Iterable[Condition], wanted: Iterable[Condition], *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """
    Complete the wanted conditions for writing.

    See the API conventions - Typical status properties: `lastTransitionTime` changes with `status`
    only.

    Args:
        previous: The conditions as they were last written.
        wanted: The conditions as they are to be.
        generation: Generation of the spec that they answer.
        now: Time of a transition.
    Returns:
        The wanted conditions in the order of `ConditionType`.
    """
    before = {condition.type: condition for condition in previous}
    settled = []
    for condition in sorted(wanted, key=lambda each: _ORDER[ConditionType(each.type)]):
        old = before.get(condition.type)
        same = old is not None and old.status is condition.status
        settled.append(
            dataclasses.replace(
                condition,
                observed_generation=generation,
                # In whole seconds, as it is stored: an equal status must compare as equal.
                last_transition_at=old.last_transition_at
                if old is not None and same and old.last_transition_at is not None
                else now.replace(microsecond=0),
            )
        )
    return tuple(settled)
