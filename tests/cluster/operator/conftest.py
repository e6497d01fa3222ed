"""
The operator as a process of its own, for one namespace, against the real API server.

Its streamers are pods of the node's pause image: real for the scheduler, the kubelet and the ledger,
and never ready. So these tests are about what the operator makes and takes away.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.operator.stage import STAGE_LABELS, Stage

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
ADMISSION_GROUP = "admissionregistration.k8s.io/v1"
OTHERS_KEPT_OUT = "cloudphone-tests-of-the-operator"


class OperatorProcess:
    """`cloudphone-operator run` for one namespace; it can be killed and started again."""

    def __init__(self, name: str, stage: Stage, kubeconfig: Path, log_path: Path) -> None:
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self.reports_port = free_port()
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "CLOUDPHONE_POD_NAME": name,
            "CLOUDPHONE_POD_NAMESPACE": stage.namespace,
            "CLOUDPHONE_POD_IP": stage.node_address,
            "CLOUDPHONE_WATCH_NAMESPACES": stage.namespace,
            "CLOUDPHONE_REPORTS_PORT": str(self.reports_port),
            "CLOUDPHONE_METRICS_PORT": str(free_port()),
            "CLOUDPHONE_STREAMER_IMAGE": stage.image,
            "CLOUDPHONE_STREAMER_IMAGE_PULL_POLICY": "Never",
            "CLOUDPHONE_PORT_QUARANTINE_SECONDS": "1",
        }

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).parent / "cloudphone-operator"), "run"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """As the kernel does it: no goodbye, and the Lease stays."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """As the kubelet does it; returns the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_TIMEOUT_S)

    def log(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def others_kept_out(api: ApiServer) -> Iterator[None]:
    """
    Make sure that no other operator, such as the demo's, takes part in these tests.

    It serves all namespaces; here it may read and not write. It is a service account, and the
    operator under test is the kubeconfig's user.
    """
    head = {"apiVersion": ADMISSION_GROUP, "metadata": {"name": OTHERS_KEPT_OUT}}
    others = (
        "request.userInfo.username.startsWith('system:serviceaccount:') && "
        "!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')"
    )
    everything = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "resources": ["*/*"],
        # Nodes' ledgers stay theirs: a selector of namespaces does not limit cluster-scoped kinds.
        "scope": "Namespaced",
    }
    policy = {
        **head,
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "matchConstraints": {"resourceRules": [everything]},
            "matchConditions": [{"name": "others", "expression": others}],
            "validations": [{"expression": "false", "message": "another operator is tested here"}],
        },
    }
    binding = {
        **head,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {
            "policyName": OTHERS_KEPT_OUT,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": STAGE_LABELS}},
        },
    }
    paths = {
        f"/apis/{ADMISSION_GROUP}/validatingadmissionpolicies/{OTHERS_KEPT_OUT}": policy,
        f"/apis/{ADMISSION_GROUP}/validatingadmissionpolicybindings/{OTHERS_KEPT_OUT}": binding,
    }
    for path, manifest in paths.items():
        api.apply(path, manifest)
    yield
    for path in paths:
        api.request("DELETE", path)


@pytest.fixture
def stage(api: ApiServer, crds: None, others_kept_out: None, namespace: str) -> Stage:
    return Stage(api, namespace)


@pytest.fixture
def operator(stage: Stage, kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess("operator-1", stage, kubeconfig, tmp_path / "operator-1.log")
    process.start()
    try:
        stage.eventually(
            lambda: "leading" in process.log(), within_s=START_TIMEOUT_S, what="the operator leads"
        )
        yield process
    finally:
        stage.remove_sessions()
        with contextlib.suppress(AssertionError):
            stage.eventually(
                lambda: not stage.held_ports(), within_s=20, what="all ports are returned"
            )
        process.stop()
        sys.stdout.write(process.log())


@pytest.fixture
def second_operator(
    operator: OperatorProcess, stage: Stage, kubeconfig: Path, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """Another replica, which stands by."""
    process = OperatorProcess("operator-2", stage, kubeconfig, tmp_path / "operator-2.log")
    process.start()
    try:
        yield process
    finally:
        process.stop()
        sys.stdout.write(process.log())
