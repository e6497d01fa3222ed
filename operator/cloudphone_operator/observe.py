"""
Reads one session's world from the API server.

All that a decision rests on is read live and not from a watch's cache: a cache may not have seen
yet what we did a moment ago, and then a pod that was just made would look lost. Watches only say
when to look.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.decide.device import find_device
from cloudphone_operator.decide.pod import current_pod
from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.resources import (
    NETWORK_POLICIES,
    NODES,
    PODS,
    SECRETS,
    SERVICES,
    STREAM_NODE_CLASSES,
    STREAM_NODES,
    STREAM_SESSIONS,
)
from cloudphone_operator.model.cluster import Node, Pod, ReceivedReport
from cloudphone_operator.model.decision import Failure
from cloudphone_operator.model.device import DeviceFinding
from cloudphone_operator.model.observed import Observed, Replacements
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import PodRef, PodSelector, Session, SessionKey
from cloudphone_operator.nodes import NodeClass, parse_node_class
from cloudphone_operator.parse.children import (
    parse_child,
    parse_secret_keys,
    parse_service_address,
)
from cloudphone_operator.parse.node import parse_node
from cloudphone_operator.parse.pod import parse_pod
from cloudphone_operator.parse.session import parse_session
from cloudphone_operator.ports.ledger import Ledger
from cloudphone_operator.ports.model import Holder
from cloudphone_operator.ports.wire import parse_ledger

LatestReport = Callable[[str, str, str], ReceivedReport | None]
"""Latest report by namespace, session and pod."""


def holder_of(session: Session) -> Holder:
    """The session as a holder of ports."""
    return Holder(
        manager=names.OPERATOR,
        kind=STREAM_SESSIONS.kind,
        namespace=session.key.namespace,
        name=session.key.name,
        uid=session.uid,
    )


class Observer:
    """
    Reads sessions' worlds.

    Args:
        kube: Access to the API server.
        policy: The operator's options.
        latest_report: What streamers said last.
        listening_since: Since when reports are taken.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        policy: Policy,
        latest_report: LatestReport,
        listening_since: datetime,
    ) -> None:
        self._kube = kube
        self._policy = policy
        self._latest_report = latest_report
        self._listening_since = listening_since

    async def observe(
        self, key: SessionKey, *, replacements: Replacements, failures: tuple[Failure, ...]
    ) -> Observed | None:
        """
        Read all that a decision about one session rests on.

        Args:
            key: The session.
            replacements: How its pods have fared, as remembered.
            failures: What this reconciliation ran into so far.
        Returns:
            None if there is no such session.
        Raises:
            KubeError: If something could not be read.
            ParseError: If something does not have its kind's form.
        """
        kube, namespace, child = self._kube, key.namespace, names.child_name(key.name)
        (
            raw_session,
            raw_pods,
            raw_secret,
            raw_service,
            raw_policy,
            raw_classes,
        ) = await asyncio.gather(
            kube.get(STREAM_SESSIONS, namespace, key.name),
            kube.list(PODS, namespace, label_selector=names.session_selector(key.name)),
            kube.get(SECRETS, namespace, child),
            kube.get(SERVICES, namespace, child),
            kube.get(NETWORK_POLICIES, namespace, child),
            kube.list(STREAM_NODE_CLASSES),
        )
        if raw_session is None:
            return None
        session = parse_session(raw_session)
        pods = [parse_pod(raw) for raw in raw_pods]
        own = tuple(pod for pod in pods if pod.controller_uid == session.uid)
        finding = find_device(session, await self._phones(session), self._policy)
        nodes, ledgers = await self._places(session, finding, own, raw_classes)
        holder = holder_of(session)
        return Observed(
            now=datetime.now(UTC),
            session=session,
            finding=finding,
            nodes=nodes,
            pods=own,
            taken_names=frozenset(pod.name for pod in pods if pod not in own),
            held_ports={name: ledger.held_by(holder) for name, ledger in ledgers.items()},
            secret=parse_child(raw_secret) if raw_secret is not None else None,
            secret_has_keys=len(parse_secret_keys(raw_secret)) == 2,
            service=parse_child(raw_service) if raw_service is not None else None,
            service_address=parse_service_address(raw_service),
            network_policy=parse_child(raw_policy) if raw_policy is not None else None,
            report=self._report(key, own),
            listening_since=self._listening_since,
            replacements=replacements,
            failures=failures,
        )

    async def _phones(self, session: Session) -> list[Pod]:
        namespace = session.key.namespace
        match session.device:
            case PodRef(name=name):
                raw = await self._kube.get(PODS, namespace, name)
                return [parse_pod(raw)] if raw is not None else []
            case PodSelector() as selector:
                found = await self._kube.list(
                    PODS, namespace, label_selector=selector.to_selector()
                )
                return [parse_pod(raw) for raw in found]
            case _:
                return []

    async def _places(
        self,
        session: Session,
        finding: DeviceFinding,
        pods: tuple[Pod, ...],
        raw_classes: list[dict[str, Any]],
    ) -> tuple[tuple[Node, ...], dict[str, Ledger]]:
        """The nodes that come into question, and the ledgers of all that may hold ports."""
        classes = [parse_node_class(raw) for raw in raw_classes]
        if finding.device is not None and finding.device.node_name is None:
            return await self._all_places(classes)
        wanted = finding.device.node_name if finding.device is not None else None
        may_hold = {wanted, session.status.node_name, *(pod.node_name for pod in pods)}
        read = sorted(name for name in may_hold if name)
        raw_nodes, raw_ledgers = await asyncio.gather(
            asyncio.gather(*(self._kube.get(NODES, None, name) for name in read)),
            asyncio.gather(*(self._kube.get(STREAM_NODES, None, name) for name in read)),
        )
        ledgers = {
            name: parse_ledger(raw)
            for name, raw in zip(read, raw_ledgers, strict=True)
            if raw is not None
        }
        nodes = tuple(
            parse_node(raw, classes, ledgers.get(name, Ledger()))
            for name, raw in zip(read, raw_nodes, strict=True)
            if raw is not None
        )
        return nodes, ledgers

    async def _all_places(
        self, classes: list[NodeClass]
    ) -> tuple[tuple[Node, ...], dict[str, Ledger]]:
        raw_nodes, raw_ledgers = await asyncio.gather(
            self._kube.list(NODES), self._kube.list(STREAM_NODES)
        )
        ledgers = {raw["metadata"]["name"]: parse_ledger(raw) for raw in raw_ledgers}
        nodes = tuple(
            parse_node(raw, classes, ledgers.get(raw["metadata"]["name"], Ledger()))
            for raw in raw_nodes
        )
        return nodes, ledgers

    def _report(self, key: SessionKey, pods: tuple[Pod, ...]) -> ReceivedReport | None:
        current = current_pod(pods)
        if current is None:
            return None
        return self._latest_report(key.namespace, key.name, current.name)
