"""
Compares the ledgers of all nodes with live sessions and pods, so that no crash loses a port.

Sessions are read after the ledgers: a holder that is in a ledger and not among the sessions is gone
for good, since its session existed when the entry was written, and a uid never comes back.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import KubeError
from cloudphone_operator.kube.resources import STREAM_NODES, STREAM_SESSIONS
from cloudphone_operator.metrics import MEDIA_PORTS, PORTS_RECLAIMED
from cloudphone_operator.names import OPERATOR
from cloudphone_operator.ports.errors import LedgerContended, NodeUnknown
from cloudphone_operator.ports.ledger import Ledger
from cloudphone_operator.ports.model import Holder, PortState, SweepResult
from cloudphone_operator.ports.store import PortStore
from cloudphone_operator.ports.wire import parse_ledger

PLACED_ELSEWHERE_GRACE = timedelta(minutes=2)
"""
How long a session may hold ports of a node that its status does not name.

Ports are given before the status is written; only what stays so was left by a crash.
"""

_logger = logging.getLogger(__name__)


class PortSweeper:
    """
    Gives back ports that nobody else would.

    Args:
        kube: Access to the API server.
        store: Changes the ledgers.
        namespaces: Namespaces whose sessions are ours; empty for all. Holders in others stay.
    """

    def __init__(
        self, kube: KubeClient, store: PortStore, *, namespaces: Collection[str] = ()
    ) -> None:
        self._kube = kube
        self._store = store
        self._namespaces = tuple(namespaces)
        self._elsewhere_since: dict[tuple[str, str], datetime] = {}

    async def sweep(self, *, now: datetime) -> SweepResult:
        """
        Look at every ledger once.

        What cannot be read is left alone and told in the result; a refusal is never "gone".

        Args:
            now: Aware time.
        Raises:
            KubeError: If the ledgers themselves cannot be listed.
        """
        stream_nodes = await self._kube.list(STREAM_NODES)
        ledgers = {raw["metadata"]["name"]: parse_ledger(raw) for raw in stream_nodes}
        _count_ports(ledgers)
        skipped: list[str] = []
        try:
            places = await self._places()
        except KubeError as error:
            places = None
            skipped.append(f"sessions not listed, so no holder is taken for gone: {error}")
        freed: list[tuple[str, int]] = []
        reclaimed: list[tuple[str, int]] = []
        still_elsewhere: set[tuple[str, str]] = set()
        for stream_node in stream_nodes:
            node = stream_node["metadata"]["name"]
            ledger = ledgers[node]
            wanted = {
                holder.uid: self._is_wanted(node, holder, places, still_elsewhere, now)
                for holder in ledger.holders
            }
            if "status" in stream_node and not _is_due(ledger, wanted, now):
                continue
            try:
                before, after = await self._store.settle(node, wanted, now=now)
            except (KubeError, LedgerContended, NodeUnknown) as error:
                skipped.append(f"node {node}: {error}")
                continue
            freed += [(node, port) for port in sorted(before.ports - after.ports)]
            reclaimed += [(node, port) for port in _reclaimed(before, after)]
        self._elsewhere_since = {
            key: since for key, since in self._elsewhere_since.items() if key in still_elsewhere
        }
        PORTS_RECLAIMED.inc(len(reclaimed))
        for sentence in skipped:
            _logger.warning("sweep skipped: %s", sentence)
        for node, port in reclaimed:
            _logger.info("node %s: port %d put to rest, its session has left", node, port)
        return SweepResult(
            nodes=len(stream_nodes),
            freed=tuple(freed),
            reclaimed=tuple(reclaimed),
            skipped=tuple(skipped),
        )

    async def _places(self) -> Mapping[str, str | None]:
        """Node in the status of each session, by the session's uid."""
        sessions: list[dict[str, Any]] = []
        if self._namespaces:
            for namespace in self._namespaces:
                sessions += await self._kube.list(STREAM_SESSIONS, namespace)
        else:
            sessions = await self._kube.list(STREAM_SESSIONS)
        return {
            session["metadata"]["uid"]: (session.get("status") or {}).get("nodeName")
            for session in sessions
        }

    def _is_wanted(
        self,
        node: str,
        holder: Holder,
        places: Mapping[str, str | None] | None,
        still_elsewhere: set[tuple[str, str]],
        now: datetime,
    ) -> bool | None:
        outside = self._namespaces and holder.namespace not in self._namespaces
        if places is None or outside or holder.manager != OPERATOR:
            return None
        if holder.uid not in places:
            return False
        if places[holder.uid] == node:
            return True
        key = (node, holder.uid)
        still_elsewhere.add(key)
        since = self._elsewhere_since.setdefault(key, now)
        return now - since < PLACED_ELSEWHERE_GRACE


def _is_due(ledger: Ledger, wanted: Mapping[str, bool | None], now: datetime) -> bool:
    """Whether there is something to do, so that the node's pods are worth a request."""
    return False in wanted.values() or any(
        entry.holder is None
        if entry.state is PortState.HELD
        else entry.until is None or entry.until <= now
        for entry in ledger.entries
    )


def _count_ports(ledgers: Mapping[str, Ledger]) -> None:
    # In one go, without a pause in which Prometheus would find none.
    MEDIA_PORTS.clear()
    for node, ledger in ledgers.items():
        for state in PortState:
            MEDIA_PORTS.labels(node, state.value).set(
                sum(1 for entry in ledger.entries if entry.state is state)
            )


def _reclaimed(before: Ledger, after: Ledger) -> list[int]:
    held = {entry.port for entry in before.entries if entry.state is PortState.HELD}
    return [
        entry.port
        for entry in after.entries
        if entry.state is PortState.QUARANTINED and entry.port in held
    ]
