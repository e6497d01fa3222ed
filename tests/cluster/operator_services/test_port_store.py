import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.resources import STREAM_NODES, STREAM_SESSIONS
from cloudphone_operator.ports.errors import NodeUnknown, NoPortFree
from cloudphone_operator.ports.store import PortStore
from cloudphone_operator.ports.sweep import PLACED_ELSEWHERE_GRACE, PortSweeper
from tests.cluster.operator_services.conftest import Phones

QUARANTINE = timedelta(seconds=60)
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""To come for an operator that runs on this cluster too: its sweep frees nothing of ours meanwhile."""


def store_on(kube: KubeClient) -> PortStore:
    return PortStore(kube, quarantine=QUARANTINE)


async def status_of(kube: KubeClient, node: str) -> dict[str, Any]:
    stored = await kube.get(STREAM_NODES, None, node)
    assert stored is not None
    status: dict[str, Any] = stored["status"]
    return status


def states(status: dict[str, Any]) -> dict[int, str]:
    return {item["port"]: item["state"] for item in status["ports"]}


async def test_the_first_port_makes_the_ledger_and_the_node_owns_it(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    holder = await phones.session("phone-1")
    assert await store_on(kube).allocate(node, holder, 1, now=NOW) == (50000,)
    stored = await kube.get(STREAM_NODES, None, node)
    assert stored is not None
    owner = stored["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("Node", node)
    assert stored["status"] == {
        "ports": [
            {
                "port": 50000,
                "state": "Held",
                "holder": {
                    "manager": "cloudphone-operator",
                    "kind": "StreamSession",
                    "namespace": phones.namespace,
                    "name": "phone-1",
                    "uid": holder.uid,
                },
            }
        ],
        "used": 1,
        "free": 100,
    }


async def test_a_repeated_request_writes_nothing(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store, holder = store_on(kube), await phones.session("phone-1")
    first = await store.allocate(node, holder, 2, now=NOW)
    before = await kube.get(STREAM_NODES, None, node)
    assert await store.allocate(node, holder, 2, now=NOW) == first
    assert await store.held_by(node, holder) == first
    assert await kube.get(STREAM_NODES, None, node) == before


async def test_two_operators_at_once_never_give_a_port_twice(
    kube: KubeClient, other_kube: KubeClient, phones: Phones, node: str
) -> None:
    holders = [await phones.session(f"phone-{number}") for number in range(24)]
    stores = [store_on(kube), store_on(other_kube)]
    blocks = await asyncio.gather(
        *(
            stores[number % 2].allocate(node, holder, 1 + number % 3, now=NOW)
            for number, holder in enumerate(holders)
        )
    )
    given = [port for block in blocks for port in block]
    assert len(given) == len(set(given))
    for block, holder in zip(blocks, holders, strict=True):
        assert block == tuple(range(block[0], block[0] + len(block)))
        assert await stores[0].held_by(node, holder) == block
    assert (await status_of(kube, node))["used"] == len(given)


async def test_two_operators_at_once_for_one_session_agree(
    kube: KubeClient, other_kube: KubeClient, phones: Phones, node: str
) -> None:
    holder = await phones.session("phone-1")
    first, second = await asyncio.gather(
        store_on(kube).allocate(node, holder, 2, now=NOW),
        store_on(other_kube).allocate(node, holder, 2, now=NOW),
    )
    assert first == second
    assert (await status_of(kube, node))["used"] == 2


async def test_an_unknown_node_is_told(kube: KubeClient, phones: Phones) -> None:
    holder = await phones.session("phone-1")
    with pytest.raises(NodeUnknown, match="node absent does not exist"):
        await store_on(kube).allocate("absent", holder, 1, now=NOW)
    await store_on(kube).release("absent", holder, now=NOW)


async def test_a_port_of_a_pod_of_others_is_not_given(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    await phones.foreign_pod("other", node, 50000)
    holder = await phones.session("phone-1")
    assert await store_on(kube).allocate(node, holder, 1, now=NOW) == (50001,)
    assert states(await status_of(kube, node)) == {50000: "Foreign", 50001: "Held"}


async def test_a_full_node_says_what_takes_its_ports(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    await store.allocate(node, await phones.session("phone-1"), 64, now=NOW)
    with pytest.raises(NoPortFree, match=f"node {node}: no free block of 64 ports"):
        await store.allocate(node, await phones.session("phone-2"), 64, now=NOW)


async def test_a_port_rests_and_is_given_again(kube: KubeClient, phones: Phones, node: str) -> None:
    store = store_on(kube)
    first, second = await phones.session("phone-1"), await phones.session("phone-2")
    await store.allocate(node, first, 1, now=NOW)
    await store.release(node, first, now=NOW)
    await store.release(node, first, now=NOW + timedelta(seconds=5))
    status = await status_of(kube, node)
    assert states(status) == {50000: "Quarantined"}
    assert datetime.fromisoformat(status["ports"][0]["until"]) == NOW + QUARANTINE
    assert await store.allocate(node, second, 1, now=NOW + QUARANTINE) == (50000,)


async def test_a_lost_ledger_is_rebuilt_from_live_pods(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    first, second = await phones.session("phone-1"), await phones.session("phone-2")
    ports = await store.allocate(node, first, 2, now=NOW)
    await phones.streamer(first, node, ports)
    await kube.delete(STREAM_NODES, None, node)
    assert await store.allocate(node, second, 1, now=NOW) == (50002,)
    assert await store.held_by(node, first) == ports


async def test_a_foreign_port_leaves_its_holder_unless_a_pod_proves_it_right(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    first, second = await phones.session("phone-1"), await phones.session("phone-2")
    await phones.streamer(first, node, await store.allocate(node, first, 1, now=NOW))
    await store.allocate(node, second, 1, now=NOW)
    await store.mark_foreign(node, [50000, 50001], now=NOW)
    assert states(await status_of(kube, node)) == {50000: "Held", 50001: "Foreign"}
    assert await store.allocate(node, second, 1, now=NOW) == (50002,)


async def test_a_sweep_frees_what_a_crash_left_after_the_pod_is_gone(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    sweeper = PortSweeper(kube, store, namespaces=[phones.namespace])
    holder = await phones.session("phone-1")
    pod = await phones.streamer(holder, node, await store.allocate(node, holder, 1, now=NOW))
    await kube.delete(STREAM_SESSIONS, phones.namespace, holder.name)
    # The pod is still there, on its own or since no kubelet confirms its end.
    await sweeper.sweep(now=NOW)
    assert 50000 in states(await status_of(kube, node))
    await phones.remove_pod(pod)
    await sweeper.sweep(now=NOW)
    assert states(await status_of(kube, node)) == {50000: "Quarantined"}
    rested = await sweeper.sweep(now=NOW + 2 * QUARANTINE)
    assert (node, 50000) in rested.freed
    assert await status_of(kube, node) == {"ports": [], "used": 0, "free": 101}


async def test_a_sweep_leaves_a_session_whose_pod_is_not_there_yet(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    sweeper = PortSweeper(kube, store)
    holder = await phones.session("phone-1")
    await store.allocate(node, holder, 1, now=NOW)
    await phones.place(holder, node)
    for minutes in range(10):
        await sweeper.sweep(now=NOW + timedelta(minutes=minutes))
    assert await store.held_by(node, holder) == (50000,)


async def test_a_sweep_frees_ports_of_a_session_that_has_moved_on(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    sweeper = PortSweeper(kube, store)
    holder = await phones.session("phone-1")
    await store.allocate(node, holder, 1, now=NOW)
    await phones.place(holder, "another-node")
    await sweeper.sweep(now=NOW)
    assert await store.held_by(node, holder) == (50000,)
    await sweeper.sweep(now=NOW + PLACED_ELSEWHERE_GRACE)
    assert await store.held_by(node, holder) == ()


async def test_a_sweep_leaves_holders_of_namespaces_that_are_not_ours(
    kube: KubeClient, phones: Phones, node: str
) -> None:
    store = store_on(kube)
    holder = await phones.session("phone-1")
    await store.allocate(node, holder, 1, now=NOW)
    await kube.delete(STREAM_SESSIONS, phones.namespace, holder.name)
    result = await PortSweeper(kube, store, namespaces=["default"]).sweep(now=NOW)
    assert (node, 50000) not in result.reclaimed


async def test_a_sweep_that_may_not_list_sessions_takes_nobody_for_gone(
    kube: KubeClient, other_kube: KubeClient, phones: Phones, node: str
) -> None:
    """A refusal is not "gone": `other_kube` may do all that a sweep does but list sessions."""
    holder = await phones.session("phone-1")
    await store_on(kube).allocate(node, holder, 1, now=NOW)
    await kube.delete(STREAM_SESSIONS, phones.namespace, holder.name)
    async with user_without_sessions(kube, f"sweeper-{node}") as user:
        other_kube._transport._api.set_default_header("Impersonate-User", user)
        result = await PortSweeper(other_kube, store_on(other_kube)).sweep(now=NOW)
    assert any("forbidden" in sentence for sentence in result.skipped)
    assert (node, 50000) not in result.reclaimed


@contextlib.asynccontextmanager
async def user_without_sessions(kube: KubeClient, user: str) -> AsyncIterator[str]:
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": user}}
    path = "/apis/rbac.authorization.k8s.io/v1"
    rules = [
        {
            "apiGroups": ["streaming.cloudphone.io"],
            "resources": ["streamnodes", "streamnodes/status", "streamnodeclasses"],
            "verbs": ["get", "list", "create", "update"],
        },
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]},
    ]
    await kube._transport.call(
        "POST", f"{path}/clusterroles", body={**head, "kind": "ClusterRole", "rules": rules}
    )
    await kube._transport.call(
        "POST",
        f"{path}/clusterrolebindings",
        body={
            **head,
            "kind": "ClusterRoleBinding",
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": user,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        },
    )
    yield user
    for plural in ("clusterrolebindings", "clusterroles"):
        await kube._transport.call("DELETE", f"{path}/{plural}/{user}")
