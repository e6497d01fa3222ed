"""
The API server that the tests of this folder speak to.

It is the development cluster's (`.demo/kubeconfig`, written by `python -m dev.cluster up`), or the
one that TEST_KUBECONFIG names. A plain KUBECONFIG does not count: it may be anybody's production.
"""

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.tools import paths
from tests.cluster.api_server import ApiServer

CRD_FOLDER = paths.CHECKOUT / "crds"
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ESTABLISHED_TIMEOUT_S = 30


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = Path(os.environ.get("TEST_KUBECONFIG") or paths.KUBECONFIG)
    if not path.is_file():
        pytest.fail(f"{path} does not exist; run `python -m dev.cluster up` first", pytrace=False)
    return path


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> ApiServer:
    return ApiServer(kubeconfig)


@pytest.fixture(scope="session")
def crds(api: ApiServer) -> None:
    """Make sure that the cluster serves the CRDs of this checkout."""
    for file in sorted(CRD_FOLDER.glob("*.yaml")):
        manifest = yaml.safe_load(file.read_text(encoding="utf-8"))
        path = f"{CRD_PATH}/{manifest['metadata']['name']}"
        api.apply(path, manifest)
        _wait_until_established(api, path)


@pytest.fixture
def namespace(api: ApiServer) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    head = {"apiVersion": "v1", "kind": "Namespace"}
    api.request("POST", "/api/v1/namespaces", {**head, "metadata": {"name": name}})
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}")


def _wait_until_established(api: ApiServer, path: str) -> None:
    deadline_s = time.monotonic() + ESTABLISHED_TIMEOUT_S
    while True:
        seen = (api.request("GET", path).get("status") or {}).get("conditions") or []
        if any(item["type"] == "Established" and item["status"] == "True" for item in seen):
            return
        if time.monotonic() > deadline_s:
            raise AssertionError(f"{path} is not established: {seen}")
        time.sleep(0.1)
