"""The session's Service: viewer page, WHEP and API of its streamer; media does not pass it."""

from typing import Any

from cloudphone_operator import names
from cloudphone_operator.manifests.metadata import child_metadata
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import Session
from cloudphone_protocol.environment import API_PORT


def session_service(session: Session, policy: Policy) -> dict[str, Any]:
    """Build the Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(session, names.child_name(session.key.name)),
        "spec": {
            "type": policy.service_type,
            "selector": names.session_labels(session.key.name),
            "ports": [
                {"name": "api", "port": API_PORT, "protocol": "TCP", "targetPort": "api"},
            ],
        },
    }
