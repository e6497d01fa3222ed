from typing import Any

import pytest

from cloudphone_operator.names import OPERATOR
from cloudphone_operator.ports.model import Holder, PortClaim
from cloudphone_operator.ports.occupancy import parse_claims

SESSION = Holder(
    manager=OPERATOR, kind="StreamSession", namespace="phones", name="phone-1", uid="s-uid"
)
STRANGER = Holder(manager="", kind="Pod", namespace="phones", name="pod", uid="p-uid")


def pod(
    *ports: dict[str, Any],
    node: str = "node-1",
    ours: bool = False,
    phase: str = "Running",
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    head: dict[str, Any] = {"namespace": "phones", "name": "pod", "uid": "p-uid"}
    if ours:
        head["labels"] = {"app.kubernetes.io/managed-by": OPERATOR}
        head["ownerReferences"] = [
            {"kind": "StreamSession", "name": "phone-1", "uid": "s-uid", "controller": True}
        ]
    body: dict[str, Any] = {"containers": [{"name": "c", "ports": list(ports)}], **spec}
    if node:
        body["nodeName"] = node
    return {"metadata": {**head, **(metadata or {})}, "spec": body, "status": {"phase": phase}}


def wants(node: str) -> dict[str, Any]:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required},
    }


UDP = {"containerPort": 50000, "hostPort": 50000, "protocol": "UDP"}
TCP = {"containerPort": 50000, "hostPort": 50000, "protocol": "TCP"}


def test_udp_and_tcp_of_one_port_are_one_claim_of_the_session() -> None:
    assert parse_claims([pod(UDP, TCP, ours=True)], "node-1") == (
        PortClaim(port=50000, holder=SESSION, ending=False),
    )


def test_a_pod_of_others_claims_for_itself() -> None:
    assert parse_claims([pod(TCP)], "node-1") == (
        PortClaim(port=50000, holder=STRANGER, ending=False),
    )


def test_a_pod_on_the_hosts_network_claims_what_it_declares() -> None:
    declared = {"containerPort": 9100}
    assert [claim.port for claim in parse_claims([pod(declared, hostNetwork=True)], "node-1")] == [
        9100
    ]


def test_init_containers_and_sidecars_claim_too() -> None:
    found = parse_claims([pod(initContainers=[{"name": "i", "ports": [UDP]}])], "node-1")
    assert [claim.port for claim in found] == [50000]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_claims_nothing(phase: str) -> None:
    assert parse_claims([pod(UDP, phase=phase)], "node-1") == ()


def test_a_pod_of_another_node_claims_nothing_here() -> None:
    assert parse_claims([pod(UDP, node="node-2")], "node-1") == ()


def test_our_pod_that_waits_claims_on_the_node_that_it_asks_for() -> None:
    waiting = pod(UDP, node="", ours=True, phase="Pending", affinity=wants("node-1"))
    assert parse_claims([waiting], "node-1") == (
        PortClaim(port=50000, holder=SESSION, ending=False),
    )
    assert parse_claims([waiting], "node-2") == ()


def test_a_terminating_pod_claims_until_it_is_gone_and_its_successor_counts_first() -> None:
    ending = pod(UDP, ours=True, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert parse_claims([ending], "node-1")[0].ending
    assert not parse_claims([ending, pod(UDP, ours=True)], "node-1")[0].ending
    assert not parse_claims([pod(UDP, ours=True), ending], "node-1")[0].ending


def test_a_label_alone_makes_no_pod_ours() -> None:
    forged = pod(UDP, metadata={"labels": {"app.kubernetes.io/managed-by": OPERATOR}})
    assert parse_claims([forged], "node-1")[0].holder == STRANGER
