"""
Changes the ledger of one node by compare-and-swap of its StreamNode.

Every change reads the StreamNode, then the node's pods, decides by `ledger`, and writes the status
only if nobody has written since the read. So two operators cannot give one port twice, and killed
between any two requests nothing is half done.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import AlreadyExists, Conflict, KubeError, NotFound
from cloudphone_operator.kube.resources import NODES, PODS, STREAM_NODE_CLASSES, STREAM_NODES
from cloudphone_operator.nodes import NodeClass, class_of, parse_node, parse_node_class
from cloudphone_operator.ports import ledger as ledgers
from cloudphone_operator.ports.errors import LedgerContended, NodeUnknown, NoPortFree
from cloudphone_operator.ports.ledger import Ledger
from cloudphone_operator.ports.model import Holder, PortClaim
from cloudphone_operator.ports.occupancy import UNBOUND_STREAMERS, parse_claims
from cloudphone_operator.ports.wire import (
    parse_ledger,
    to_owner_reference,
    to_status,
    to_stream_node,
)

_ATTEMPTS = 8
_BACKOFF_S = 0.02

_logger = logging.getLogger(__name__)

_Decide = Callable[[Ledger, tuple[PortClaim, ...], NodeClass], Ledger]
"""Next ledger from the stored one, the live claims and the node's class."""


class PortStore:
    """
    The media ports of all nodes.

    Args:
        kube: Access to the API server.
        quarantine: Rest of a port between two holders.
    """

    def __init__(self, kube: KubeClient, *, quarantine: timedelta) -> None:
        self._kube = kube
        self._quarantine = quarantine
        # Our own reconciles queue here instead of refusing each other's writes.
        self._locks: dict[str, asyncio.Lock] = {}

    async def allocate(
        self, node: str, holder: Holder, count: int, *, now: datetime
    ) -> tuple[int, ...]:
        """
        Give a holder a contiguous block of ports of a node; repeating it gives the same block.

        Args:
            node: Name of the Node.
            holder: The session.
            count: Length of the block; at least 1.
            now: Aware time.
        Returns:
            The ports, ascending. They are the holder's before this returns.
        Raises:
            NoPortFree: If no block is free; the text is for people.
            NodeUnknown: If there is no such node.
            LedgerContended: If others kept writing.
            KubeError: If the API server refuses; nothing is given then.
        """
        held = await self.held_by(node, holder)
        if ledgers.is_block(held, count):
            return held
        block: tuple[int, ...] = ()

        def decide(stored: Ledger, claims: tuple[PortClaim, ...], node_class: NodeClass) -> Ledger:
            nonlocal block
            fresh = self._refresh(stored, claims, node_class, now=now)
            following, block = ledgers.allocate(
                fresh,
                holder,
                count,
                ports=node_class.ports,
                max_sessions=node_class.max_sessions,
                quarantine=self._quarantine,
                now=now,
            )
            return following

        try:
            await self._change(node, decide, waiting=True)
        except NoPortFree as error:
            raise NoPortFree(f"node {node}: {error}") from None
        _logger.info("node %s: ports %s given to %s", node, block, holder)
        return block

    async def release(self, node: str, holder: Holder, *, now: datetime) -> None:
        """
        Put a holder's ports of a node to rest; without any, nothing happens.

        Raises:
            LedgerContended: If others kept writing.
            KubeError: If the API server refuses; the holder keeps its ports then.
        """
        if not await self.held_by(node, holder):
            return

        def decide(stored: Ledger, claims: tuple[PortClaim, ...], node_class: NodeClass) -> Ledger:
            fresh = self._refresh(stored, claims, node_class, now=now)
            return ledgers.release(fresh, holder, quarantine=self._quarantine, now=now)

        try:
            await self._change(node, decide, waiting=True)
        except NodeUnknown:
            return  # its StreamNode goes with it
        _logger.info("node %s: ports of %s put to rest", node, holder)

    async def mark_foreign(self, node: str, ports: Collection[int], *, now: datetime) -> None:
        """
        Note that something unseen uses ports, as the scheduler found; their holder loses them.

        A port that a pod bound to the node uses with an entry of its own is left as it is.

        Raises:
            LedgerContended: If others kept writing.
            NodeUnknown: If there is no such node.
            KubeError: If the API server refuses.
        """

        def decide(stored: Ledger, claims: tuple[PortClaim, ...], _: NodeClass) -> Ledger:
            return ledgers.mark_foreign(stored, ports, claims, now=now)

        await self._change(node, decide, waiting=False)
        _logger.warning("node %s: something unseen uses ports %s", node, sorted(ports))

    async def held_by(self, node: str, holder: Holder) -> tuple[int, ...]:
        """
        Ports of a node that a holder holds, ascending.

        Raises:
            KubeError: If the API server refuses.
        """
        stream_node = await self._kube.get(STREAM_NODES, None, node)
        return () if stream_node is None else parse_ledger(stream_node).held_by(holder)

    async def settle(
        self, node: str, wanted: dict[str, bool | None], *, now: datetime
    ) -> tuple[Ledger, Ledger]:
        """
        Bring one ledger up to date, and put to rest the ports of holders that want them no more.

        Args:
            node: Name of the Node.
            wanted: See `ledger.abandoned`.
            now: Aware time.
        Returns:
            The ledger before and after.
        Raises:
            LedgerContended: If others kept writing.
            NodeUnknown: If there is no such node.
            KubeError: If the API server refuses; nothing is changed then.
        """
        before = after = Ledger()

        def decide(stored: Ledger, claims: tuple[PortClaim, ...], node_class: NodeClass) -> Ledger:
            nonlocal before, after
            before = stored
            after = self._refresh(stored, claims, node_class, now=now)
            for holder in ledgers.abandoned(after, claims, wanted):
                after = ledgers.release(after, holder, quarantine=self._quarantine, now=now)
            return after

        await self._change(node, decide, waiting=True)
        return before, after

    def _refresh(
        self,
        stored: Ledger,
        claims: tuple[PortClaim, ...],
        node_class: NodeClass,
        *,
        now: datetime,
    ) -> Ledger:
        return ledgers.refresh(
            stored, claims, ports=node_class.ports, quarantine=self._quarantine, now=now
        )

    async def _change(self, node: str, decide: _Decide, *, waiting: bool) -> None:
        async with self._locks.setdefault(node, asyncio.Lock()):
            failure: KubeError | None = None
            for attempt in range(_ATTEMPTS):
                try:
                    await self._try_change(node, decide, waiting=waiting)
                except (Conflict, AlreadyExists, NotFound) as error:
                    failure = error
                    pause_s = _BACKOFF_S * 2**attempt * random.random()  # noqa: S311 - jitter
                    await asyncio.sleep(pause_s)
                else:
                    return
        raise LedgerContended(
            f"node {node}: {_ATTEMPTS} attempts to write its StreamNode failed; the last: {failure}"
        )

    async def _try_change(self, node: str, decide: _Decide, *, waiting: bool) -> None:
        raw_node = await self._kube.get(NODES, None, node)
        if raw_node is None:
            raise NodeUnknown(f"node {node} does not exist; expected the node of the device")
        facts = parse_node(raw_node)
        stream_node = await self._kube.get(STREAM_NODES, None, node)
        if stream_node is None:
            stream_node = await self._kube.create(to_stream_node(facts))
        owner = to_owner_reference(facts)
        if owner not in stream_node["metadata"].get("ownerReferences", ()):
            # A node made again under the old name: the garbage collector would take the ledger.
            metadata = {**stream_node["metadata"], "ownerReferences": [owner]}
            stream_node = await self._kube.replace({**stream_node, "metadata": metadata})
        raw_classes = await self._kube.list(STREAM_NODE_CLASSES)
        node_class = class_of(facts, [parse_node_class(raw) for raw in raw_classes])
        claims = await self._claims(node, waiting=waiting)
        following = decide(parse_ledger(stream_node), claims, node_class)
        status = to_status(following, node_class.ports)
        if status != stream_node.get("status"):
            await self._kube.replace_status({**stream_node, "status": status})

    async def _claims(self, node: str, *, waiting: bool) -> tuple[PortClaim, ...]:
        pods: list[dict[str, Any]] = []
        if waiting:
            # First the pods that wait: one that is bound in between is then in both lists.
            pods += await self._kube.list(
                PODS, label_selector=UNBOUND_STREAMERS, field_selector="spec.nodeName="
            )
        pods += await self._kube.list(PODS, field_selector=f"spec.nodeName={node}")
        return parse_claims(pods, node)
