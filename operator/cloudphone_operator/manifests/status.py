"""The status of a StreamSession, as it is applied."""

from typing import Any

from cloudphone_operator.kube.resources import STREAM_SESSIONS
from cloudphone_operator.model.session import Session
from cloudphone_operator.model.status import Condition, Status
from cloudphone_operator.parse.times import to_time


def session_status(session: Session, status: Status) -> dict[str, Any]:
    """
    Build what is applied to the status subresource: all of it, since what is left out is removed.

    The version makes sure that neither a namesake made since is hit nor a newer spec is answered.
    """
    fields: dict[str, Any] = {
        "observedGeneration": status.observed_generation,
        "phase": status.phase.value,
        "conditions": [_condition(condition) for condition in status.conditions],
        "nodeName": status.node_name,
        "podName": status.pod_name,
        "attempt": status.attempt,
        "mediaPorts": [{"port": port, "protocols": ["UDP", "TCP"]} for port in status.media_ports],
        "addresses": list(status.addresses),
        "viewers": status.viewers,
        "idleSince": to_time(status.idle_since) if status.idle_since is not None else None,
    }
    if status.device is not None:
        fields["device"] = _present(
            {
                "podName": status.device.pod_name,
                "podUID": status.device.pod_uid,
                "address": status.device.address,
            }
        )
    if status.endpoints is not None:
        fields["endpoints"] = {
            "whep": status.endpoints.whep,
            "viewer": status.endpoints.viewer,
            "api": status.endpoints.api,
        }
    if status.encoder is not None:
        fields["encoder"] = _present(
            {
                "requested": status.encoder.requested,
                "effective": status.encoder.effective,
                "reason": status.encoder.reason,
            }
        )
    return {
        "apiVersion": STREAM_SESSIONS.api_version,
        "kind": STREAM_SESSIONS.kind,
        "metadata": {
            "name": session.key.name,
            "namespace": session.key.namespace,
            "resourceVersion": session.resource_version,
        },
        "status": _present(fields),
    }


def _condition(condition: Condition) -> dict[str, Any]:
    assert condition.last_transition_at is not None  # settled before it is written
    return _present(
        {
            "type": condition.type,
            "status": condition.status.value,
            "observedGeneration": condition.observed_generation,
            "reason": condition.reason,
            "message": condition.message,
            "lastTransitionTime": to_time(condition.last_transition_at),
        }
    )


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
