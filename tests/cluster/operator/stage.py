"""One namespace of the cluster, with what the tests do to it and see of it."""

import base64
import time
from collections.abc import Callable
from typing import TypeVar

from tests.cluster.api_server import GROUP, VERSION, ApiServer, JsonObject, Refused

_Value = TypeVar("_Value")

POLL_S = 0.05
STAGE_LABELS = {"cloudphone-tests": "operator"}
"""Of a namespace in which the operator under test is alone."""
SESSION_LABEL = "streaming.cloudphone.io/session"


class Stage:
    """
    A namespace for phones and sessions.

    Args:
        api: The API server.
        namespace: Namespace of the test's own.
    """

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        [node, *_] = api.request("GET", "/api/v1/nodes")["items"]
        self.node: str = node["metadata"]["name"]
        self.node_address = next(
            item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP"
        )
        images = [name for image in node["status"]["images"] for name in image.get("names") or ()]
        self.image = next(name for name in images if "pause" in name)
        self._sessions = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/streamsessions"
        self.allow("privileged")
        self._make_reports_service()

    def allow(self, level: str) -> None:
        """Set what Pod Security enforces in the namespace."""
        labels = {**STAGE_LABELS, "pod-security.kubernetes.io/enforce": level}
        manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": labels},
        }
        self.api.apply(f"/api/v1/namespaces/{self.namespace}", manifest)

    def make_phone(self, name: str, labels: dict[str, str] | None = None) -> JsonObject:
        """A pod that is ready as soon as it runs."""
        return self.api.request(
            "POST",
            f"/api/v1/namespaces/{self.namespace}/pods",
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": labels or {}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "automountServiceAccountToken": False,
                    "containers": [
                        {"name": "phone", "image": self.image, "imagePullPolicy": "Never"}
                    ],
                },
            },
        )

    def make_session(self, name: str, spec: JsonObject) -> JsonObject:
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "StreamSession",
            "metadata": {"name": name},
            "spec": spec,
        }
        return self.api.request("POST", self._sessions, manifest)

    def patch_session(self, name: str, change: JsonObject) -> None:
        self.api.request(
            "PATCH",
            f"{self._sessions}/{name}",
            change,
            content_type="application/merge-patch+json",
        )

    def session(self, name: str) -> JsonObject:
        return self.api.request("GET", f"{self._sessions}/{name}")

    def status(self, name: str) -> JsonObject:
        return self.session(name).get("status") or {}

    def condition(self, name: str, type_: str) -> tuple[str, str, str]:
        """Status, reason and message; empty while it is not written."""
        for condition in self.status(name).get("conditions") or ():
            if condition["type"] == type_:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    def delete_session(self, name: str) -> None:
        self._delete(f"{self._sessions}/{name}")

    def remove_sessions(self) -> None:
        self._delete(self._sessions)

    def delete_pod(self, name: str) -> None:
        self._delete(f"/api/v1/namespaces/{self.namespace}/pods/{name}")

    def pods(self, session: str) -> list[JsonObject]:
        """The session's streamer pods."""
        query = {"labelSelector": f"{SESSION_LABEL}={session}"}
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        found: list[JsonObject] = self.api.request("GET", path, query=query)["items"]
        return found

    def live_pod(self, session: str) -> JsonObject | None:
        """The one streamer pod of the session that is not being deleted, once it is on a node."""
        live = [pod for pod in self.pods(session) if "deletionTimestamp" not in pod["metadata"]]
        assert len(live) <= 1, [pod["metadata"]["name"] for pod in live]
        return live[0] if live and live[0]["spec"].get("nodeName") else None

    def wait_for_pod(self, session: str) -> JsonObject:
        return self.eventually(
            lambda: self.live_pod(session), within_s=30, what=f"{session} has a pod on a node"
        )

    def secret(self, session: str) -> dict[str, str]:
        """The files in the session's Secret."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{session}-streamer"
        data = self.api.request("GET", path)["data"]
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    def children(self) -> list[str]:
        """All that was made for sessions in the namespace, as `kind/name`."""
        query = {"labelSelector": SESSION_LABEL}
        found = []
        for root, plural in (
            ("/api/v1", "pods"),
            ("/api/v1", "secrets"),
            ("/api/v1", "services"),
            ("/apis/networking.k8s.io/v1", "networkpolicies"),
        ):
            path = f"{root}/namespaces/{self.namespace}/{plural}"
            items = self.api.request("GET", path, query=query)["items"]
            found += [f"{plural}/{item['metadata']['name']}" for item in items]
        return found

    def ports(self, state: str) -> dict[int, str]:
        """Ports in this state of sessions in the namespace, and the sessions' names."""
        try:
            path = f"/apis/{GROUP}/{VERSION}/streamnodes/{self.node}"
            entries = (self.api.request("GET", path).get("status") or {}).get("ports") or ()
        except Refused:
            return {}
        return {
            entry["port"]: entry["holder"]["name"]
            for entry in entries
            if entry["state"] == state
            and (entry.get("holder") or {}).get("namespace") == self.namespace
        }

    def held_ports(self) -> dict[int, str]:
        return self.ports("Held")

    def events(self, session: str) -> list[str]:
        """Reasons of the Events about a session, the oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        items = [
            item
            for item in self.api.request("GET", path)["items"]
            if item["regarding"]["kind"] == "StreamSession" and item["regarding"]["name"] == session
        ]
        return [item["reason"] for item in sorted(items, key=lambda item: item["eventTime"])]

    def eventually(
        self, look: Callable[[], _Value | None], *, within_s: float = 15.0, what: str
    ) -> _Value:
        """Look until there is something to see, and return that."""
        deadline_s = time.monotonic() + within_s
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > deadline_s:
                raise AssertionError(f"not within {within_s:.0f} s: {what}; last seen: {seen!r}")
            time.sleep(POLL_S)

    def _make_reports_service(self) -> None:
        name = "cloudphone-operator-reports"
        manifest = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"ports": [{"name": "reports", "port": 8081, "protocol": "TCP"}]},
        }
        self.api.apply(f"/api/v1/namespaces/{self.namespace}/services/{name}", manifest)

    def _delete(self, path: str) -> None:
        try:
            self.api.request("DELETE", path)
        except Refused as error:
            if error.status != 404:
                raise
