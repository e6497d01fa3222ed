"""The session's Secret, Service and NetworkPolicy."""

from typing import Any

from cloudphone_operator.model.cluster import Child, ServiceAddress
from cloudphone_operator.parse.fields import Fields
from cloudphone_operator.parse.pod import parse_controller
from cloudphone_protocol.environment import CREDENTIAL_FILE, TICKET_KEY_FILE


def parse_child(raw: Any) -> Child:
    """
    Read what all children have in common.

    Raises:
        ParseError: If it has no metadata.
    """
    metadata = Fields(raw).child("metadata")
    controller_uid, controller_kind = parse_controller(metadata)
    return Child(
        uid=metadata.text("uid"),
        controller_uid=controller_uid,
        controller_kind=controller_kind,
        live=raw,
    )


def parse_secret_keys(raw: Any) -> dict[str, str]:
    """The keys in a session's Secret, still in base64, by file name; absent ones are left out."""
    data = Fields(raw).child("data")
    found = {name: data.text(name, "") for name in (TICKET_KEY_FILE, CREDENTIAL_FILE)}
    return {name: value for name, value in found.items() if value}


def parse_service_address(raw: Any) -> ServiceAddress | None:
    """How a Service is reached; None while it has no cluster IP."""
    spec = Fields(raw).child("spec")
    cluster_ip = spec.text("clusterIP", "")
    if not cluster_ip or cluster_ip == "None":
        return None
    ports = list(spec.children("ports"))
    if not ports:
        return None
    return ServiceAddress(
        cluster_ip=cluster_ip,
        port=ports[0].integer("port"),
        node_port=ports[0].optional_integer("nodePort"),
    )
