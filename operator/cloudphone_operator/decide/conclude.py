"""Conditions, phase, status and when to look again: what the steps' findings add up to."""

import dataclasses
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from cloudphone_operator.conditions import false, settle, true
from cloudphone_operator.decide.pod import last_attempt
from cloudphone_operator.decide.streamer import StreamerView
from cloudphone_operator.model.cluster import Node, Pod
from cloudphone_operator.model.decision import Action, Decision
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    DeviceStatus,
    Endpoints,
    Status,
)
from cloudphone_operator.phase import derive_phase

_RESYNC_S = 300.0
"""Every session is looked at this often, so that a lost event heals."""
_RESYNC_SPREAD_S = 60
"""Sessions that were all looked at when a leader began are not all looked at again at once."""


class Rest(StrEnum):
    """Why a session has no pod on purpose."""

    SUSPENDED = "Suspended"
    EXPIRED = "Expired"
    TERMINATING = "Terminating"

    @property
    def sentence(self) -> str:
        """The same for people."""
        return {
            Rest.SUSPENDED: "spec.lifecycle.suspended is true.",
            Rest.EXPIRED: "spec.lifecycle.maxDurationSeconds have passed since it was created.",
            Rest.TERMINATING: "The session is being deleted.",
        }[self]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    What the steps found.

    Args:
        device_ready: The condition.
        ports_allocated: The condition.
        pod_scheduled: The condition.
        view: The streamer as it is known.
        pod: The current pod.
        node: Its node, as chosen.
        ports: Media ports held.
        ports_node: Node that they are of.
        device: The phone.
        endpoints: Where to watch.
        rest: Why there is no pod on purpose; None for a session that runs.
        waiting: Reason and sentence on what keeps the pod from being made.
        stalled: Reason and sentence on what only a person can change.
        update_pending: Reason and sentence on a change that waits; None if none does.
    """

    device_ready: Condition
    ports_allocated: Condition
    pod_scheduled: Condition
    view: StreamerView
    pod: Pod | None = None
    node: Node | None = None
    ports: tuple[int, ...] = ()
    ports_node: str | None = None
    device: Device | None = None
    endpoints: Endpoints | None = None
    rest: Rest | None = None
    waiting: tuple[str, str] | None = None
    stalled: tuple[str, str] | None = None
    update_pending: tuple[str, str] | None = None


def conclude(
    observed: Observed,
    facts: Facts,
    actions: tuple[Action, ...],
    look_again_s: Iterable[float | None],
) -> Decision:
    """Add up the findings to the decision."""
    session = observed.session
    ready = _judge_ready(facts)
    deadline = _ready_deadline(observed, ready)
    stalled = _judge_stalled(observed, facts, ready, deadline)
    conditions = settle(
        session.status.conditions,
        (
            ready,
            facts.device_ready,
            facts.ports_allocated,
            facts.pod_scheduled,
            facts.view.ready,
            true(ConditionType.REGISTERED, "NotConfigured", "No integration is configured."),
            facts.view.connected,
            _judge_update(facts),
            facts.view.gpu_unused,
            _judge_spec(session.without_effect),
            _judge_finished(facts),
            _judge_reconciling(facts, ready, stalled),
            stalled,
        ),
        generation=session.generation,
        now=observed.now,
    )
    resync_s = _RESYNC_S + zlib.crc32(session.uid.encode()) % _RESYNC_SPREAD_S
    looks = [resync_s, *(each for each in look_again_s if each is not None)]
    looks += [
        (moment - observed.now).total_seconds()
        for moment in (deadline, session.ends_at)
        if moment is not None and moment > observed.now
    ]
    return Decision(
        status=_status(observed, facts, conditions),
        actions=actions,
        requeue_after_s=min(looks),
    )


def _judge_ready(facts: Facts) -> Condition:
    type_ = ConditionType.READY
    if facts.rest is Rest.SUSPENDED:
        # As wanted: a suspended session must not hold up whoever waits for all to be Ready.
        return true(type_, facts.rest.value, facts.rest.sentence)
    if facts.rest is not None:
        return false(type_, facts.rest.value, facts.rest.sentence)
    if facts.view.ready.is_true:
        return true(type_, "Serving", "Viewers can connect.")
    if not facts.device_ready.is_true:
        return false(type_, facts.device_ready.reason, facts.device_ready.message)
    keeps_pod_away = facts.stalled or facts.waiting
    if facts.pod is None and keeps_pod_away is not None:
        return false(type_, *keeps_pod_away)
    if facts.pod is not None and facts.pod_scheduled.status is ConditionStatus.FALSE:
        return false(type_, facts.pod_scheduled.reason, facts.pod_scheduled.message)
    return false(type_, facts.view.ready.reason, facts.view.ready.message)


def _ready_deadline(observed: Observed, ready: Condition) -> datetime | None:
    """When the start has taken too long; None for a session that is ready."""
    if ready.is_true:
        return None
    session = observed.session
    before = session.status.condition(ConditionType.READY)
    since = observed.now
    if before is None:
        since = session.created_at
    elif not before.is_true:
        # The schema's default has a time long before the session was created.
        since = max(session.created_at, before.last_transition_at or session.created_at)
    return since + timedelta(seconds=session.lifecycle.ready_timeout_s)


def _judge_stalled(
    observed: Observed, facts: Facts, ready: Condition, deadline: datetime | None
) -> Condition:
    type_ = ConditionType.STALLED
    if facts.rest is Rest.EXPIRED:
        return true(type_, facts.rest.value, facts.rest.sentence)
    if facts.rest is not None:
        return false(type_, facts.rest.value, facts.rest.sentence)
    if facts.stalled is not None:
        return true(type_, *facts.stalled)
    if deadline is not None and observed.now >= deadline:
        timeout_s = observed.session.lifecycle.ready_timeout_s
        return true(
            type_, "ReadyTimeout", f"Not ready within {timeout_s} s, still trying: {ready.message}"
        )
    return false(type_, "Progressing", "Nothing needs a person.")


def _judge_reconciling(facts: Facts, ready: Condition, stalled: Condition) -> Condition:
    type_ = ConditionType.RECONCILING
    if facts.rest is not None and facts.waiting is not None:
        return true(type_, *facts.waiting)
    if ready.is_true:
        return false(type_, "Done", "All is as the spec wants it, or waits for viewers to leave.")
    if stalled.is_true:
        return false(type_, stalled.reason, "It cannot go on; see the condition Stalled.")
    return true(type_, ready.reason, ready.message)


def _judge_update(facts: Facts) -> Condition:
    if facts.update_pending is not None:
        return true(ConditionType.UPDATE_PENDING, *facts.update_pending)
    return false(ConditionType.UPDATE_PENDING, "UpToDate", "No change waits.")


def _judge_spec(without_effect: tuple[str, ...]) -> Condition:
    if without_effect:
        return false(
            ConditionType.SPEC_EFFECTIVE,
            "FieldsWithoutEffect",
            f"This version does not act on: {', '.join(without_effect)}.",
        )
    return true(ConditionType.SPEC_EFFECTIVE, "AllFields", "Every field that is set has an effect.")


def _judge_finished(facts: Facts) -> Condition:
    if facts.rest is Rest.EXPIRED:
        return true(ConditionType.FINISHED, "MaxDurationReached", facts.rest.sentence)
    return false(ConditionType.FINISHED, "NotFinished", "The session has not ended.")


def _status(observed: Observed, facts: Facts, conditions: tuple[Condition, ...]) -> Status:
    before = observed.session.status
    serves = facts.pod is not None
    viewers = facts.view.viewers if serves else 0
    return Status(
        observed_generation=observed.session.generation,
        phase=derive_phase(conditions),
        conditions=conditions,
        # Named as long as ports of it are held, pod or not: by this name they are found again, and
        # the sweep knows that they are wanted.
        node_name=(facts.pod.node_name if facts.pod is not None else "") or facts.ports_node,
        pod_name=facts.pod.name if facts.pod is not None else None,
        attempt=last_attempt(observed),
        device=DeviceStatus(
            address=facts.device.address,
            pod_name=facts.device.pod_name,
            pod_uid=facts.device.pod_uid,
        )
        if facts.device is not None and facts.device.address is not None
        else before.device,
        media_ports=facts.ports,
        addresses=facts.node.addresses if facts.node is not None else before.addresses,
        endpoints=facts.endpoints or (before.endpoints if serves else None),
        encoder=facts.view.encoder,
        viewers=viewers,
        idle_since=_idle_since(observed, viewers),
    )


def _idle_since(observed: Observed, viewers: int | None) -> datetime | None:
    before = observed.session.status.idle_since
    if viewers is None:
        return before
    if viewers > 0:
        return None
    return before or observed.now.replace(microsecond=0)
