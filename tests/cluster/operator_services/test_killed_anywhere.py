"""An operator that is killed at any request leaves nothing that the next one does not mend."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.resources import STREAM_NODES, STREAM_SESSIONS
from cloudphone_operator.kube.transport import Transport
from cloudphone_operator.ports.model import Holder
from cloudphone_operator.ports.store import PortStore
from cloudphone_operator.ports.sweep import PortSweeper
from tests.cluster.operator_services.conftest import Phones

QUARANTINE = timedelta(seconds=60)
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""To come for an operator that runs on this cluster too: its sweep frees nothing of ours meanwhile."""
LONG_AFTER = timedelta(hours=1)


class Killed(BaseException):
    """SIGKILL, in so far as one task can notice."""


class MortalTransport(Transport):
    """Ends at one request, before it is sent or before its answer is read."""

    def __init__(self, living: Transport, *, requests: int, answered: bool) -> None:
        super().__init__(living._api)
        self._left = requests
        self._answered = answered

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0 and not self._answered:
            raise Killed
        answer = await super().call(method, path, query=query, body=body, content_type=content_type)
        if self._left < 0:
            raise Killed
        return answer


async def ports_of(kube: KubeClient, node: str) -> dict[int, tuple[str, str]]:
    stored = await kube.get(STREAM_NODES, None, node)
    items = ((stored or {}).get("status") or {}).get("ports") or []
    return {item["port"]: (item["state"], item["holder"]["uid"]) for item in items}


@pytest.mark.parametrize("answered", [False, True], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("requests", range(9))
async def test_nothing_is_given_twice_or_lost(
    kube: KubeClient, phones: Phones, node: str, requests: int, answered: bool
) -> None:
    first, second = await phones.session("phone-1"), await phones.session("phone-2")
    living = PortStore(kube, quarantine=QUARANTINE)

    def mortal() -> PortStore:
        transport = MortalTransport(kube._transport, requests=requests, answered=answered)
        return PortStore(KubeClient(transport), quarantine=QUARANTINE)

    async def attempt(store: PortStore, holder: Holder) -> tuple[int, ...] | None:
        try:
            return await store.allocate(node, holder, 2, now=NOW)
        except Killed:
            return None

    before = await attempt(mortal(), first)
    of_second = await living.allocate(node, second, 2, now=NOW)
    of_first = await living.allocate(node, first, 2, now=NOW)
    assert before in {None, of_first}
    assert not set(of_first) & set(of_second)
    assert await ports_of(kube, node) == {
        **dict.fromkeys(of_first, ("Held", first.uid)),
        **dict.fromkeys(of_second, ("Held", second.uid)),
    }

    try:
        await mortal().release(node, first, now=NOW)
    except Killed:
        await living.release(node, first, now=NOW)
    rested = dict.fromkeys(of_first, ("Quarantined", first.uid))
    held = dict.fromkeys(of_second, ("Held", second.uid))
    assert await ports_of(kube, node) == {**rested, **held}

    await kube.delete(STREAM_SESSIONS, phones.namespace, second.name)
    for store in (mortal(), living, living):
        sweeper = PortSweeper(store._kube, store, namespaces=[phones.namespace])
        try:
            await sweeper.sweep(now=datetime.now(UTC) + LONG_AFTER)
        except Killed:
            continue
    await PortSweeper(kube, living, namespaces=[phones.namespace]).sweep(
        now=datetime.now(UTC) + 2 * LONG_AFTER
    )
    assert await ports_of(kube, node) == {}
