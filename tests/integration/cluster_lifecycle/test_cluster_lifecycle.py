"""
The local cluster starts again after a crash, and leaves nothing behind.

A machine has only one, so that this runs only while none is up: `dev.test` runs this folder
before it brings up the cluster for the rest.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from dev.cluster import Progress, Provider, cluster, provider
from dev.cluster.local import cluster as local
from dev.cluster.local import containerd, layout, processes
from dev.tools import paths
from tests.integration.cluster_lifecycle.machine import Machine, look
from tests.support.kube import Kubectl

COMMAND = (sys.executable, "-m", "dev.cluster")
UP_TIMEOUT_S = 120
POD_TIMEOUT_S = 60
HOST_PORT = 50001
POD = f"""
apiVersion: v1
kind: Pod
metadata:
  name: lifecycle
  namespace: default
spec:
  containers:
    - name: pause
      image: {containerd.PAUSE_IMAGE}
      imagePullPolicy: Never
      ports:
        - {{containerPort: {HOST_PORT}, hostPort: {HOST_PORT}, protocol: UDP}}
"""


@pytest.fixture
def before() -> Iterator[Machine]:
    """The machine without a cluster, which is how it is left."""
    if os.geteuid() != 0 or provider.docker_answers():
        pytest.skip("the local cluster needs root, and a machine without a Docker engine")
    if local.is_begun():
        pytest.skip("a local cluster is up, and a machine has one; run this folder without it")
    yield look()
    down()


def up() -> subprocess.CompletedProcess[str]:
    return run("up")


def down() -> None:
    assert run("down").returncode == 0


def run(verb: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, verb],
        cwd=paths.CHECKOUT,
        env={**os.environ, provider.VARIABLE: Provider.LOCAL},
        capture_output=True,
        text=True,
        check=False,
        timeout=UP_TIMEOUT_S,
    )


def kill_up_after(delay_s: float) -> None:
    """Kill an `up` on its way, as a crash or an impatient person does."""
    started = subprocess.Popen(
        [*COMMAND, "up"],
        cwd=paths.CHECKOUT,
        env={**os.environ, provider.VARIABLE: Provider.LOCAL},
        stderr=subprocess.DEVNULL,
    )
    time.sleep(delay_s)
    started.kill()
    started.wait()


def kill_program(program: str) -> None:
    """Kill a program of the cluster wherever it runs."""
    for process in processes.running():
        if process.program == program:
            os.kill(process.pid, signal.SIGKILL)


@pytest.fixture
def built(before: Machine) -> Machine:
    """The machine once all programs are in the cache: only then does `up` act at once."""
    assert up().returncode == 0
    down()
    assert look() == before
    return before


def test_a_killed_up_leaves_nothing_after_down_and_can_be_repeated(built: Machine) -> None:
    for delay_s in (0.3, 0.6, 1.5, 3.0):
        kill_up_after(delay_s)
        down()
        assert look() == built, f"killed after {delay_s} s"
    kill_up_after(2.0)
    done = up()
    assert done.returncode == 0, done.stderr


def test_crashed_programs_start_again_and_pods_live_on(built: Machine) -> None:
    assert up().returncode == 0
    reached = cluster.handle()
    kubectl = Kubectl(binary=reached.kubectl, kubeconfig=reached.kubeconfig)
    kubectl.run("apply", "--filename=-", stdin=POD)
    ready = ("wait", "--for=condition=Ready", "pod/lifecycle", f"--timeout={POD_TIMEOUT_S}s")
    kubectl.run(*ready, timeout_s=POD_TIMEOUT_S + 10)
    for program in ("containerd", "kubelet", "kube-apiserver"):
        kill_program(program)

    done = up()

    assert done.returncode == 0, done.stderr
    kubectl.run(*ready, timeout_s=POD_TIMEOUT_S + 10)
    restarts = "--output=jsonpath={.status.containerStatuses[0].restartCount}"
    assert kubectl.run("get", "pod", "lifecycle", restarts).strip() == "0"
    # The pod, its host port and shim are the cluster's to remove, whoever was killed before.
    kill_program("containerd-shim-runc-v2")
    down()
    assert look() == built


def test_a_busy_port_is_named_with_its_holder(before: Machine) -> None:
    with socket.create_server(("0.0.0.0", layout.PORTS["kubelet"])):
        done = up()
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("error: port 10250, which kubelet needs, is in use by python")
    assert f"(process {os.getpid()})" in said
    down()
    assert look() == before


def test_down_without_a_cluster_does_nothing(before: Machine) -> None:
    cluster.down(Progress())
    assert look() == before
