"""Asks the API server small questions without kubectl, which takes a tenth of a second each."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from dev.cluster.local import layout

_TIMEOUT_S = 5
_NOT_READY_TAINT = "node.kubernetes.io/not-ready"


class Api:
    """The API server as the cluster's administrator sees it."""

    def __init__(self, pki: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def is_ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        return self._get("/readyz")[0] == http.HTTPStatus.OK

    def is_node_ready(self) -> bool:
        """Tell whether the node takes pods."""
        status, body = self._get(f"/api/v1/nodes/{layout.NODE_NAME}")
        return status == http.HTTPStatus.OK and takes_pods(json.loads(body))

    def has_default_account(self) -> bool:
        """Tell whether a pod may be made in the namespace `default`."""
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        return self._get(path)[0] == http.HTTPStatus.OK

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(
            layout.NODE_ADDRESS, layout.API_PORT, timeout=_TIMEOUT_S, context=self._context
        )
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


def takes_pods(node: dict[str, Any]) -> bool:
    """Tell whether a Node is Ready, and the taint that it had until then is gone."""
    conditions = node.get("status", {}).get("conditions", ())
    taints = node.get("spec", {}).get("taints", ())
    return any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    ) and not any(taint["key"] == _NOT_READY_TAINT for taint in taints)
