"""
A model of the cluster that carries out actions, for tests of where decisions lead.

It knows what the real parts promise: names are unique, deletion is graceful for a pod that runs,
a pod is scheduled to its node unless a port of it is taken there, ports are given by holder.
"""

import dataclasses
from datetime import timedelta
from typing import Any

from cloudphone_operator.decide.device import find_device
from cloudphone_operator.decide.pod import current_pod
from cloudphone_operator.decide.session import decide
from cloudphone_operator.manifests.secret import session_secret
from cloudphone_operator.model.cluster import (
    Child,
    Node,
    Pod,
    PodCondition,
    ReceivedReport,
    ServiceAddress,
)
from cloudphone_operator.model.decision import (
    Action,
    AllocatePorts,
    ApplyChild,
    ApplySecret,
    CreatePod,
    Decision,
    DeletePod,
    DeleteSession,
    Failure,
    FailureKind,
    MarkForeign,
    PushDocument,
    ReleasePorts,
)
from cloudphone_operator.model.observed import Observed, Replacements
from cloudphone_operator.model.session import Session
from cloudphone_operator.model.status import ConditionStatus
from cloudphone_operator.parse.pod import parse_pod
from tests.unit.operator import builders

FIRST_PORT = 50000
LAST_PORT = 50004
ROUNDS_MAX = 6


class World:
    """One session, its phone, nodes and all that was made for it."""

    def __init__(self, session: Session, *, phone: Pod | None, nodes: tuple[Node, ...]) -> None:
        self.now = builders.NOW
        self.session = session
        self.phone = phone
        self.nodes = nodes
        self.pods: dict[str, Pod] = {}
        self.held: dict[str, tuple[int, ...]] = {}
        self.foreign: set[tuple[str, int]] = set()
        """Ports that a process outside of the cluster's sight uses."""
        self.marked: set[tuple[str, int]] = set()
        self.children: dict[str, Child] = {}
        self.document: str | None = None
        self.running_version = ""
        """Version of the document that the streamer says it runs."""
        self.viewers = 0
        self.wanted_nodes: dict[str, str] = {}
        self.session_exists = True
        self.replacements = Replacements()
        self._made = 0

    def observe(self, failures: tuple[Failure, ...]) -> Observed:
        phones = (self.phone,) if self.phone is not None else ()
        return Observed(
            now=self.now,
            session=self.session,
            finding=find_device(self.session, phones, builders.POLICY),
            nodes=self.nodes,
            pods=tuple(self.pods.values()),
            held_ports=dict(self.held),
            secret=self.children.get("Secret"),
            secret_has_keys="Secret" in self.children,
            service=self.children.get("Service"),
            service_address=ServiceAddress(cluster_ip="198.19.0.9", port=8080)
            if "Service" in self.children
            else None,
            network_policy=self.children.get("NetworkPolicy"),
            report=self._report(),
            listening_since=self.now - timedelta(hours=1),
            replacements=self.replacements,
            failures=failures,
        )

    def reconcile(self, *, die_after: int | None = None) -> Decision | None:
        """
        What the reconciler does; the operator dies after `die_after` actions if that is given.

        Returns:
            The last decision; None if the operator died or the session is gone.
        """
        failures: tuple[Failure, ...] = ()
        done = 0
        for _ in range(ROUNDS_MAX):
            decision = decide(self.observe(failures), builders.POLICY)
            new_failure: Failure | None = None
            for action in decision.actions:
                if done == die_after:
                    self.replacements = Replacements()  # remembered only
                    return None
                new_failure = self.act(action)
                self.replacements = self.replacements.after(action, self.now)
                done += 1
                if new_failure is not None:
                    failures += (new_failure,)
                    break
            if not self.session_exists:
                return None
            if new_failure is None and not _changes_the_world(decision):
                self.session = dataclasses.replace(self.session, status=decision.status)
                return decision
        raise AssertionError(f"not settled after {ROUNDS_MAX} rounds; still: {decision.actions}")

    def act(self, action: Action) -> Failure | None:
        match action:
            case AllocatePorts(node_name=name, count=count):
                return self._allocate(name, count)
            case ReleasePorts(node_name=name):
                self.held.pop(name, None)
            case MarkForeign(node_name=name, ports=ports):
                self.marked |= {(name, port) for port in ports}
                self.held.pop(name, None)
            case ApplySecret(document=document):
                self.document = document.to_json()
                self._store(session_secret(self.session, document, {}))
            case ApplyChild(manifest=manifest):
                self._store(dict(manifest))
            case CreatePod(manifest=manifest):
                self._create(dict(manifest))
            case DeletePod(name=name, uid=uid):
                self._delete(name, uid)
            case DeleteSession():
                self.session_exists = False
            case PushDocument(document=document):
                self.running_version = document.version()
        return None

    def pass_time(self, duration: timedelta) -> None:
        """Time passes: deleted pods end, waiting pods are scheduled and become ready."""
        self.now += duration
        for name, pod in list(self.pods.items()):
            if pod.deleting:
                del self.pods[name]
        for name, pod in list(self.pods.items()):
            if pod.phase == "Pending":
                self.pods[name] = self._schedule(pod)

    def lose_pods(self, *, phase: str | None) -> None:
        """Somebody deletes the pods (`phase` None), or they end in a phase."""
        for name, pod in list(self.pods.items()):
            if phase is None:
                self._delete(name, pod.uid)
            else:
                self.pods[name] = dataclasses.replace(
                    pod, phase=phase, reason="Evicted", ready=None
                )

    def live_pods(self) -> list[Pod]:
        return [pod for pod in self.pods.values() if not pod.deleting and not pod.finished]

    def _report(self) -> ReceivedReport | None:
        pod = current_pod(self.pods.values())
        if pod is None or not pod.is_ready:
            return None
        said = builders.report(
            self.viewers, pod_name=pod.name, document_version=self.running_version
        )
        return dataclasses.replace(said, received_at=self.now)

    def _allocate(self, name: str, count: int) -> Failure | None:
        taken = {port for node, port in self.marked if node == name}
        for first in range(FIRST_PORT, LAST_PORT + 2 - count):
            block = tuple(range(first, first + count))
            if taken.isdisjoint(block):
                self.held[name] = block
                return None
        return Failure(kind=FailureKind.NO_PORT, message=f"node {name}: no free port")

    def _store(self, manifest: dict[str, Any]) -> None:
        self.children[manifest["kind"]] = Child(
            uid=manifest["kind"],
            controller_uid=self.session.uid,
            controller_kind="StreamSession",
            live=manifest,
        )

    def _create(self, manifest: dict[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        assert name not in self.pods, f"{name} exists"
        self._made += 1
        manifest["metadata"] = {
            **manifest["metadata"],
            "uid": f"90d0-{self._made:04}",
            "creationTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.pods[name] = parse_pod(manifest)
        self.wanted_nodes[name] = _wanted_node(manifest)

    def _schedule(self, pod: Pod) -> Pod:
        node_name = self.wanted_nodes[pod.name]
        in_use = {
            port
            for other in self.pods.values()
            if other.node_name == node_name and not other.finished
            for port in other.host_ports
        }
        outside = {port for name, port in self.foreign if name == node_name}
        if not set(pod.host_ports).isdisjoint(in_use | outside):
            refusal = PodCondition(
                status=ConditionStatus.FALSE,
                reason="Unschedulable",
                message="0/2 nodes are available: 1 node(s) didn't have free ports for the "
                "requested pod ports, 1 node(s) didn't match Pod's node affinity/selector.",
            )
            return dataclasses.replace(pod, scheduled=refusal)
        return dataclasses.replace(
            pod,
            node_name=node_name,
            phase="Running",
            ip="198.18.0.30",
            scheduled=builders.TRUE,
            ready=builders.TRUE,
        )

    def _delete(self, name: str, uid: str) -> None:
        pod = self.pods.get(name)
        if pod is None or pod.uid != uid or pod.deleting:
            return
        if not pod.node_name:
            del self.pods[name]
            return
        self.pods[name] = dataclasses.replace(
            pod, deletion_at=self.now + timedelta(seconds=10), ready=None
        )


def _changes_the_world(decision: Decision) -> bool:
    return any(not isinstance(action, PushDocument) for action in decision.actions)


def _wanted_node(manifest: dict[str, Any]) -> str:
    required = manifest["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])
