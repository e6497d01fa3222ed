"""Pod to `Pod`: phones and streamers alike."""

import re
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.model.cluster import ContainerState, Pod, PodCondition
from cloudphone_operator.model.status import ConditionStatus
from cloudphone_operator.parse.fields import Fields
from cloudphone_operator.parse.session import parse_tolerations


def parse_pod(raw: Any) -> Pod:
    """
    Read a Pod.

    Raises:
        ParseError: If it does not have a Pod's form.
    """
    whole = Fields(raw)
    metadata, spec, status = whole.child("metadata"), whole.child("spec"), whole.child("status")
    annotations = metadata.text_map("annotations")
    attempt = annotations.get(names.ANNOTATION_ATTEMPT, "")
    return Pod(
        name=metadata.text("name"),
        uid=metadata.text("uid"),
        created_at=metadata.time("creationTimestamp"),
        deletion_at=metadata.optional_time("deletionTimestamp"),
        labels=metadata.text_map("labels"),
        controller_uid=parse_controller(metadata)[0],
        attempt=int(attempt) if re.fullmatch(r"[0-9]{1,9}", attempt) else 0,
        spec_hash=annotations.get(names.ANNOTATION_SPEC_HASH, ""),
        node_name=spec.text("nodeName", ""),
        phase=status.text("phase", "Pending"),
        reason=status.text("reason", ""),
        message=status.text("message", ""),
        ip=status.text("podIP", ""),
        ready=_parse_condition(status, "Ready"),
        scheduled=_parse_condition(status, "PodScheduled"),
        host_ports=_parse_host_ports(spec),
        tolerations=parse_tolerations(spec),
        container=_parse_container(status),
    )


def parse_controller(metadata: Fields) -> tuple[str, str]:
    """Uid and kind of the object that controls this one; both empty if none does."""
    for owner in metadata.children("ownerReferences"):
        if owner.boolean("controller", default=False):
            return owner.text("uid"), owner.text("kind")
    return "", ""


def _parse_condition(status: Fields, type_: str) -> PodCondition | None:
    for condition in status.children("conditions"):
        if condition.text("type") == type_:
            return PodCondition(
                status=condition.choice("status", ConditionStatus),
                reason=condition.text("reason", ""),
                message=condition.text("message", ""),
            )
    return None


def _parse_host_ports(spec: Fields) -> tuple[int, ...]:
    return tuple(
        sorted(
            {
                port.integer("hostPort")
                for container in spec.children("containers")
                for port in container.children("ports")
                if port.has("hostPort")
            }
        )
    )


def _parse_container(status: Fields) -> ContainerState:
    for container in status.children("containerStatuses"):
        if container.text("name", "") != names.CONTAINER:
            continue
        state = container.child("state")
        waiting = state.child("waiting")
        terminated = container.child("lastState").child("terminated")
        return ContainerState(
            running=state.has("running"),
            waiting_reason=waiting.text("reason", ""),
            waiting_message=waiting.text("message", ""),
            restarts=container.integer("restartCount", 0),
            last_words=_last_words(terminated),
        )
    return ContainerState()


def _last_words(terminated: Fields) -> str:
    if not terminated.has("exitCode"):
        return ""
    ended = f"exit code {terminated.integer('exitCode')}"
    # terminationMessagePolicy FallbackToLogsOnError: the end of the log. One line is enough here.
    lines = terminated.text("message", "").strip().splitlines()
    return f"{ended}: {lines[-1][:300]}" if lines else ended
