"""
What people are told by Events. Pure.

An Event tells of a change, never of a state: what is compared is the status before and after, so
the same thing is not told twice.
"""

from cloudphone_operator.model.decision import Action, CreatePod, DeletePod, MarkForeign
from cloudphone_operator.model.notes import Note
from cloudphone_operator.model.status import Condition, ConditionStatus, ConditionType, Status
from cloudphone_operator.phase import SUSPENDED, TERMINATING


def notes_of_action(action: Action) -> tuple[Note, ...]:
    """What is told of an action that was done."""
    match action:
        case CreatePod(manifest=manifest, replaces=replaces):
            name = manifest["metadata"]["name"]
            if replaces:
                message = f"Created Pod {name} in place of {replaces}."
                return (Note(reason="PodReplaced", message=message, action="CreatePod"),)
            message = f"Created Pod {name}."
            return (Note(reason="PodCreated", message=message, action="CreatePod"),)
        case DeletePod(name=name, why=why):
            message = f"Deleted Pod {name}: {why}."
            return (Note(reason="PodDeleted", message=message, action="DeletePod"),)
        case MarkForeign(node_name=node_name, ports=ports):
            message = f"Something unseen uses port {ports[0]} of node {node_name}; taking another."
            return (
                Note(reason="PortTaken", message=message, action="AllocatePorts", warning=True),
            )
        case _:
            return ()


def notes_of_change(before: Status, after: Status) -> tuple[Note, ...]:
    """What is told of a change of the status."""
    changes = [
        (before.condition(ConditionType(condition.type)), condition)
        for condition in after.conditions
        if ConditionType(condition.type) in _TELL
    ]
    told = [_TELL[ConditionType(new.type)](old, new) for old, new in changes]
    notes = [note for note in told if note is not None]
    # What only a person can change is told as a warning, and not also by what it was found in.
    warnings = {note.message for note in notes if note.warning}
    return tuple(note for note in notes if note.warning or note.message not in warnings)


def _device(old: Condition | None, new: Condition) -> Note | None:
    if new.is_true and not _was_true(old):
        return Note(reason="DeviceFound", message=new.message, action="FindDevice")
    if not new.is_true and (_was_true(old) or old is None or old.reason != new.reason):
        lost = _was_true(old)
        reason = "DeviceLost" if lost else new.reason
        return Note(reason=reason, message=new.message, action="FindDevice", warning=lost)
    return None


def _ports(old: Condition | None, new: Condition) -> Note | None:
    if new.is_true and not _was_true(old):
        return Note(reason="PortsAllocated", message=new.message, action="AllocatePorts")
    if new.reason == "NoPortFree" and (old is None or old.reason != new.reason):
        return Note(reason=new.reason, message=new.message, action="AllocatePorts", warning=True)
    return None


def _scheduled(old: Condition | None, new: Condition) -> Note | None:
    if new.status is ConditionStatus.FALSE and (old is None or old.status is not new.status):
        return Note(reason=new.reason, message=new.message, action="SchedulePod", warning=True)
    return None


def _ready(old: Condition | None, new: Condition) -> Note | None:
    if new.is_true and (not _was_true(old) or (old is not None and old.reason != new.reason)):
        reason = SUSPENDED if new.reason == SUSPENDED else "Ready"
        return Note(reason=reason, message=new.message, action="Reconcile")
    if not new.is_true and _was_true(old) and new.reason != TERMINATING:
        return Note(reason="NotReady", message=new.message, action="Reconcile", warning=True)
    return None


def _pending(old: Condition | None, new: Condition) -> Note | None:
    if new.is_true and not _was_true(old):
        return Note(reason="UpdatePending", message=new.message, action="UpdatePod")
    return None


def _spec(old: Condition | None, new: Condition) -> Note | None:
    if new.status is ConditionStatus.FALSE and (old is None or old.message != new.message):
        return Note(reason=new.reason, message=new.message, action="Reconcile", warning=True)
    return None


def _stalled(old: Condition | None, new: Condition) -> Note | None:
    if new.is_true and (not _was_true(old) or (old is not None and old.reason != new.reason)):
        return Note(reason=new.reason, message=new.message, action="Reconcile", warning=True)
    return None


def _was_true(condition: Condition | None) -> bool:
    return condition is not None and condition.is_true


_TELL = {
    ConditionType.DEVICE_READY: _device,
    ConditionType.PORTS_ALLOCATED: _ports,
    ConditionType.POD_SCHEDULED: _scheduled,
    ConditionType.READY: _ready,
    ConditionType.UPDATE_PENDING: _pending,
    ConditionType.SPEC_EFFECTIVE: _spec,
    ConditionType.STALLED: _stalled,
}
