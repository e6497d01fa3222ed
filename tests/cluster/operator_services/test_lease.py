import asyncio
import uuid
from typing import Any

import pytest

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import Conflict
from cloudphone_operator.kube.resources import LEASES
from cloudphone_operator.lease import LeaderElector, LeadershipLost

TAKEOVER_LIMIT_S = 20
HANDOVER_LIMIT_S = 5


class Candidate:
    """An operator that does nothing but lead."""

    def __init__(self, kube: KubeClient, namespace: str, identity: str) -> None:
        self._elector = LeaderElector(kube, namespace=namespace, name="operator", identity=identity)
        self.leads = asyncio.Event()
        self.task = asyncio.create_task(self._elector.run(self._lead))

    async def _lead(self) -> None:
        self.leads.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.leads.clear()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def holder_of(kube: KubeClient, namespace: str) -> Any:
    lease = await kube.get(LEASES, namespace, "operator")
    assert lease is not None
    return lease["spec"]["holderIdentity"]


async def test_one_leads_and_hands_over_at_once_when_it_ends(
    kube: KubeClient, namespace: str
) -> None:
    first = Candidate(kube, namespace, "first")
    await asyncio.wait_for(first.leads.wait(), HANDOVER_LIMIT_S)
    second = Candidate(kube, namespace, "second")
    await asyncio.sleep(3)
    assert not second.leads.is_set()
    await first.stop()
    assert not first.leads.is_set()
    await asyncio.wait_for(second.leads.wait(), HANDOVER_LIMIT_S)
    assert await holder_of(kube, namespace) == "second"
    await second.stop()
    assert await holder_of(kube, namespace) == ""


async def test_the_next_takes_over_from_one_that_was_killed(
    kube: KubeClient, namespace: str
) -> None:
    await kube.create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": namespace, "name": "operator"},
            "spec": {
                "holderIdentity": "killed",
                "leaseDurationSeconds": 10,
                # The clock of that node was a year ahead: times of others decide nothing.
                "renewTime": "2100-01-01T00:00:00.000000Z",
            },
        }
    )
    second = Candidate(kube, namespace, "second")
    await asyncio.sleep(8)
    assert not second.leads.is_set()
    await asyncio.wait_for(second.leads.wait(), TAKEOVER_LIMIT_S - 8)
    await second.stop()


async def test_a_restarted_container_goes_on_with_its_own_lease(
    kube: KubeClient, namespace: str
) -> None:
    killed = Candidate(kube, namespace, "pod-1")
    await asyncio.wait_for(killed.leads.wait(), HANDOVER_LIMIT_S)
    again = Candidate(kube, namespace, "pod-1")
    await asyncio.wait_for(again.leads.wait(), HANDOVER_LIMIT_S)
    await killed.stop()
    await again.stop()


async def test_a_leader_whose_lease_was_taken_stops(kube: KubeClient, namespace: str) -> None:
    first = Candidate(kube, namespace, "first")
    await asyncio.wait_for(first.leads.wait(), HANDOVER_LIMIT_S)
    while True:  # a renewal may come in between
        lease = await kube.get(LEASES, namespace, "operator")
        assert lease is not None
        lease["spec"]["holderIdentity"] = "thief"
        try:
            await kube.replace(lease)
            break
        except Conflict:
            await asyncio.sleep(0)
    with pytest.raises(LeadershipLost, match="is held by thief"):
        await asyncio.wait_for(first.task, TAKEOVER_LIMIT_S)
    assert not first.leads.is_set()
    assert await holder_of(kube, namespace) == "thief"


async def test_a_leader_that_may_not_renew_stops_before_its_lease_can_be_taken(
    kube: KubeClient, other_kube: KubeClient, namespace: str
) -> None:
    first = Candidate(other_kube, namespace, "first")
    await asyncio.wait_for(first.leads.wait(), HANDOVER_LIMIT_S)
    other_kube._transport._api.set_default_header("Impersonate-User", f"u-{uuid.uuid4()}")
    with pytest.raises(LeadershipLost, match="was not renewed for"):
        await asyncio.wait_for(first.task, 9.9)
    assert await holder_of(kube, namespace) == "first"


async def test_the_lease_is_given_back_when_the_work_fails(
    kube: KubeClient, namespace: str
) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    elector = LeaderElector(kube, namespace=namespace, name="operator", identity="first")
    with pytest.raises(RuntimeError, match="broken"):
        await elector.run(fail)
    assert await holder_of(kube, namespace) == ""
