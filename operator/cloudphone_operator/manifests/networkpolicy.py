"""
Who may reach the streamer.

Only ingress is limited. The streamer must reach its phone (a pod or any allowed address), the
operator's Service, and viewers anywhere; limits that name less would break one of them, and
cluster-wide egress rules are the platform's to add.
"""

from typing import Any

from cloudphone_operator import names
from cloudphone_operator.manifests.metadata import child_metadata
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import Session
from cloudphone_protocol.environment import API_PORT, INTERNAL_PORT

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def session_network_policy(
    session: Session, ports: tuple[int, ...], policy: Policy
) -> dict[str, Any]:
    """
    Build the NetworkPolicy.

    Media is open to all: a viewer's address is not known before it connects. The API is reached
    through the operator's namespace, where the gateway runs, or by everybody if its Service is of
    type NodePort. The kubelet's probes come from the node and are always admitted.

    Args:
        session: Its owner.
        ports: Contiguous media ports, ascending.
        policy: Type of the Service and namespace of the operator.
    """
    from_operator = [
        {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: policy.operator_namespace}}}
    ]
    api_rule: dict[str, Any] = {"ports": [{"port": API_PORT, "protocol": "TCP"}]}
    if policy.service_type == "ClusterIP":
        api_rule["from"] = from_operator
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": child_metadata(session, names.child_name(session.key.name)),
        "spec": {
            "podSelector": {"matchLabels": names.session_labels(session.key.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [_media(ports, "UDP"), _media(ports, "TCP")]},
                api_rule,
                {
                    "ports": [{"port": INTERNAL_PORT, "protocol": "TCP"}],
                    "from": from_operator,
                },
            ],
        },
    }


def _media(ports: tuple[int, ...], protocol: str) -> dict[str, Any]:
    block: dict[str, Any] = {"port": ports[0], "protocol": protocol}
    if len(ports) > 1:
        block["endPort"] = ports[-1]
    return block
