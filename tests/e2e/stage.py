"""A namespace with a simulated phone, and sessions on it as a user makes them."""

import json
from dataclasses import dataclass
from typing import Any

from dev.cluster import ClusterHandle
from dev.demo.ticket import mint
from tests.support.kube import JsonObject, Kubectl, condition, until

PHONE = "phone"
PHONE_IMAGE = "localhost/cloudphone/phone:dev"
READY_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a module's tests play."""

    kubectl: Kubectl
    handle: ClusterHandle
    namespace: str

    def set_up(self) -> None:
        """Make namespace and phone; a streamer's hostPort needs the level `privileged`."""
        self.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": self.namespace,
                    "labels": {"pod-security.kubernetes.io/enforce": "privileged"},
                },
            },
            self.phone_manifest(),
        )

    def tear_down(self) -> None:
        """Remove the namespace and wait until its sessions are gone, and their ports with them."""
        self.kubectl.run("delete", "namespace", self.namespace, "--ignore-not-found", timeout_s=120)

    def phone_manifest(self) -> JsonObject:
        """The phone's pod."""
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": PHONE, "namespace": self.namespace, "labels": {"app": "phone"}},
            "spec": {
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "phone",
                        "image": PHONE_IMAGE,
                        "imagePullPolicy": "IfNotPresent",
                        "readinessProbe": {"tcpSocket": {"port": 5555}, "periodSeconds": 1},
                    }
                ],
            },
        }

    def apply_session(self, name: str, **spec: Any) -> None:
        """Apply a StreamSession on the phone."""
        self.kubectl.apply(
            {
                "apiVersion": "streaming.cloudphone.io/v1alpha1",
                "kind": "StreamSession",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {"device": {"podRef": {"name": PHONE}}} | spec,
            }
        )

    def session(self, name: str) -> JsonObject | None:
        """The StreamSession as the API server has it."""
        return self.kubectl.get("streamsession", name, self.namespace)

    def streamer_pods(self, name: str) -> list[JsonObject]:
        """Streamer pods of a session."""
        return self.kubectl.find("pods", self.namespace, f"streaming.cloudphone.io/session={name}")

    async def ready(self, name: str) -> JsonObject:
        """Wait until a session is Ready and return it."""
        session = await until(
            lambda: self.session(name),
            meets=lambda seen: condition(seen, "Ready") == "True",
            what=f"session {name} is Ready",
            timeout_s=READY_TIMEOUT_S,
        )
        assert session is not None
        return session

    def viewer_url(self, session: JsonObject) -> str:
        """The viewer page with a ticket that outlives the test."""
        page = self.handle.on_this_machine(session["status"]["endpoints"]["viewer"])
        name = session["metadata"]["name"]
        token = mint(self.kubectl.kubeconfig, self.namespace, name, lifetime="10m")
        return f"{page}#ticket={token}"

    def port_state(self, node: str, port: int) -> str:
        """State of a media port in the node's ledger, `Free` where no entry names it."""
        printed = self.kubectl.run("get", "streamnode", node, "--output=json")
        entries = json.loads(printed).get("status", {}).get("ports", [])
        found = [entry["state"] for entry in entries if entry["port"] == port]
        return found[0] if found else "Free"
