"""
Requests to the API server, as a client that checks fields strictly sends them (kubectl does).

The client library's typed calls cannot say what the CRD tests must: strict field validation, status
by server-side apply, the refusal word by word.
"""

import json
from pathlib import Path
from typing import Any

from kubernetes import client, config

GROUP = "streaming.cloudphone.io"
VERSION = "v1alpha1"
PLURALS = {
    "StreamSession": "streamsessions",
    "StreamNode": "streamnodes",
    "StreamNodeClass": "streamnodeclasses",
}
APPLY = "application/apply-patch+yaml"
REQUEST_TIMEOUT_S = 30

JsonObject = dict[str, Any]


class Refused(Exception):
    """
    The API server refused a request.

    Args:
        status: The HTTP status.
        answer: The Status object.
    """

    def __init__(self, status: int, answer: JsonObject) -> None:
        super().__init__(answer.get("message", ""))
        self.status = status
        self._details: JsonObject = answer.get("details") or {}

    def causes(self) -> list[tuple[str, str]]:
        """Field and sentence of each cause; a refusal without causes has one, without a field."""
        causes = self._details.get("causes") or []
        if not causes:
            return [("", str(self))]
        return [(cause.get("field", ""), cause["message"]) for cause in causes]


class ApiServer:
    """
    One API server.

    Args:
        kubeconfig: Whose current context it is.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._client: client.ApiClient = config.new_client_from_config(str(kubeconfig))

    def request(
        self,
        method: str,
        path: str,
        body: JsonObject | list[JsonObject] | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> JsonObject:
        """
        Send one request and return the object that answers it.

        Raises:
            Refused: On any answer but success.
        """
        request = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Content-Type": content_type, "Accept": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self._client.call_api(*request, _request_timeout=REQUEST_TIMEOUT_S)
        answer: JsonObject = json.loads(response.read())
        if response.status >= 400:
            raise Refused(response.status, answer)
        return answer

    def apply(self, path: str, manifest: JsonObject) -> JsonObject:
        """Server-side apply, whoever owned the fields before."""
        query = {"fieldManager": "tests", "force": "true", "fieldValidation": "Strict"}
        return self.request("PATCH", path, manifest, query=query, content_type=APPLY)


class Resources:
    """
    Objects of one kind of this project's group.

    Args:
        api: Where they are.
        kind: Kind of the objects.
        namespace: Where they lie; None for a cluster-scoped kind.
    """

    def __init__(self, api: ApiServer, kind: str, namespace: str | None = None) -> None:
        self._api = api
        self._head = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind}
        where = f"/namespaces/{namespace}" if namespace else ""
        self._path = f"/apis/{GROUP}/{VERSION}{where}/{PLURALS[kind]}"

    def try_create(self, name: str, spec: JsonObject | None = None) -> JsonObject:
        """Have the API server judge an object and say what it would store; nothing is stored."""
        return self._create(name, spec, {"fieldValidation": "Strict", "dryRun": "All"})

    def create(self, name: str, spec: JsonObject | None = None) -> JsonObject:
        return self._create(name, spec, {"fieldValidation": "Strict"})

    def read(self, name: str) -> JsonObject:
        return self._api.request("GET", f"{self._path}/{name}")

    def try_new_spec(self, name: str, spec: JsonObject) -> JsonObject:
        """Have the API server judge a stored object with another spec; nothing is stored."""
        query = {"fieldValidation": "Strict", "dryRun": "All"}
        return self._patch(name, [{"op": "replace", "path": "/spec", "value": spec}], query)

    def patch(self, name: str, operations: list[JsonObject]) -> JsonObject:
        """Change a stored object by JSON patch (RFC 6902), whoever has written in between."""
        return self._patch(name, operations, {"fieldValidation": "Strict"})

    def replace_status(self, manifest: JsonObject) -> JsonObject:
        """Write status as a whole, if nobody has since the manifest was read."""
        path = f"{self._path}/{manifest['metadata']['name']}/status"
        return self._api.request("PUT", path, {**self._head, **manifest})

    def apply_status(self, name: str, status: JsonObject) -> JsonObject:
        """Server-side apply of status, as the operator does."""
        manifest = {**self._head, "metadata": {"name": name}, "status": status}
        return self._api.apply(f"{self._path}/{name}/status", manifest)

    def delete(self, name: str) -> None:
        self._api.request("DELETE", f"{self._path}/{name}")

    def _create(self, name: str, spec: JsonObject | None, query: dict[str, str]) -> JsonObject:
        body: JsonObject = {**self._head, "metadata": {"name": name}}
        if spec is not None:
            body["spec"] = spec
        return self._api.request("POST", self._path, body, query=query)

    def _patch(self, name: str, operations: list[JsonObject], query: dict[str, str]) -> JsonObject:
        path = f"{self._path}/{name}"
        return self._api.request(
            "PATCH", path, operations, query=query, content_type="application/json-patch+json"
        )
