"""
Nodes, sessions and pods of a test's own; there is no kubelet behind these nodes.

An operator may run on the same cluster, and sweeps too. So the tests look at what must hold whoever
was first.
"""

import dataclasses
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cloudphone_operator.kube.client import KubeClient, connect
from cloudphone_operator.kube.resources import NODES, PODS, STREAM_NODES
from cloudphone_operator.names import OPERATOR
from cloudphone_operator.ports.model import Holder

JsonObject = dict[str, Any]


@pytest.fixture(autouse=True)
def _kubeconfig(kubeconfig: Path, crds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))


@pytest.fixture
async def kube(_kubeconfig: None) -> AsyncIterator[KubeClient]:
    async with connect() as client:
        yield client


@pytest.fixture
async def other_kube(_kubeconfig: None) -> AsyncIterator[KubeClient]:
    """The connection of a second operator."""
    async with connect() as client:
        yield client


@pytest.fixture
async def node(kube: KubeClient) -> AsyncIterator[str]:
    """A Node that nothing is scheduled to."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "spec": {"unschedulable": True},
        }
    )
    yield name
    await kube.delete(STREAM_NODES, None, name)
    await kube.delete(NODES, None, name)


@dataclasses.dataclass(frozen=True, slots=True)
class Phones:
    """Sessions and streamer pods in a namespace of the test's own."""

    kube: KubeClient
    namespace: str

    async def session(self, name: str) -> Holder:
        stored = await self.kube.create(
            {
                "apiVersion": "streaming.cloudphone.io/v1alpha1",
                "kind": "StreamSession",
                "metadata": {"namespace": self.namespace, "name": name},
                "spec": {"device": {"podRef": {"name": name}}},
            }
        )
        return self.holder(stored)

    def holder(self, session: JsonObject) -> Holder:
        return Holder(
            manager=OPERATOR,
            kind="StreamSession",
            namespace=self.namespace,
            name=session["metadata"]["name"],
            uid=session["metadata"]["uid"],
        )

    async def place(self, holder: Holder, node: str) -> None:
        """Write the status that says where the session is."""
        await self.kube.apply_status(
            {
                "apiVersion": "streaming.cloudphone.io/v1alpha1",
                "kind": "StreamSession",
                "metadata": {"namespace": self.namespace, "name": holder.name},
                "status": {"nodeName": node},
            },
            field_manager="tests",  # an operator's own status does not take it away
        )

    async def streamer(self, holder: Holder, node: str, ports: tuple[int, ...]) -> str:
        """A streamer pod as the operator makes it, in so far as ports are concerned."""
        name = f"{holder.name}-1"
        await self.kube.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "namespace": self.namespace,
                    "name": name,
                    "labels": {"app.kubernetes.io/managed-by": OPERATOR},
                    "ownerReferences": [
                        {
                            "apiVersion": "streaming.cloudphone.io/v1alpha1",
                            "kind": holder.kind,
                            "name": holder.name,
                            "uid": holder.uid,
                            "controller": True,
                        }
                    ],
                },
                "spec": pod_spec(node, ports),
            }
        )
        return name

    async def foreign_pod(self, name: str, node: str, port: int) -> None:
        await self.kube.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": self.namespace, "name": name},
                "spec": pod_spec(node, (port,)),
            }
        )

    async def remove_pod(self, name: str) -> None:
        await self.kube.delete(PODS, self.namespace, name, grace_period_s=0)


def pod_spec(node: str, ports: tuple[int, ...]) -> JsonObject:
    return {
        "nodeName": node,
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "main",
                "image": "registry.invalid/none",
                "ports": [
                    {"containerPort": port, "hostPort": port, "protocol": protocol}
                    for port in ports
                    for protocol in ("UDP", "TCP")
                ],
            }
        ],
    }


@pytest.fixture
def phones(kube: KubeClient, namespace: str) -> Phones:
    return Phones(kube, namespace)
