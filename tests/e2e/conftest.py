"""
The whole: a cluster with the operator installed by its chart (`python -m dev.test` provides it).

Each module gets a namespace of its own with one phone; each test makes the sessions it needs.
"""

import uuid
from collections.abc import Iterator

import pytest

from dev import cluster
from dev.cluster import DevError
from tests.e2e.stage import Stage
from tests.support.kube import Kubectl


@pytest.fixture(scope="session")
def handle() -> cluster.ClusterHandle:
    try:
        return cluster.handle()
    except DevError as error:
        pytest.fail(f"{error}; or run all tests with `make test`")


@pytest.fixture(scope="module")
def stage(handle: cluster.ClusterHandle) -> Iterator[Stage]:
    """A namespace with one phone, removed with all that the module's tests made in it."""
    kubectl = Kubectl(binary=handle.kubectl, kubeconfig=handle.kubeconfig)
    stage = Stage(kubectl=kubectl, handle=handle, namespace=f"e2e-{uuid.uuid4().hex[:6]}")
    stage.set_up()
    try:
        yield stage
    finally:
        stage.tear_down()
