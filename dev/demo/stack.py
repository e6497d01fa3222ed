"""The operator on a cluster: images built and loaded, chart installed. Demo and tests use it."""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from dev import cluster
from dev.cluster import ClusterHandle, DevError, Progress, Provider
from dev.images.build import build
from dev.tools.command import run
from dev.tools.files import exclusive
from dev.tools.paths import CHECKOUT, DEMO

OPERATOR_NAMESPACE = "cloudphone-system"
RELEASE = "cloudphone"
INSTALL_TIMEOUT_S = 180
KUBECTL_TIMEOUT_S = 120

LOCAL_IMAGES = "localhost/cloudphone"
REGISTRY_VARIABLE = "DEMO_REGISTRY"
"""Where a cluster that is not ours pulls the images from; somebody pushed them there."""

_CHART = CHECKOUT / "helm" / "cloudphone-streaming"
_VALUES = CHECKOUT / "dev" / "demo" / "values.yaml"
_IMAGES = ("operator", "streamer", "phone")
_OURS = "cloudphone.io/demo"
"""Label of namespaces that the demo made in a cluster that is not its own."""


def alone(progress: Progress) -> contextlib.AbstractContextManager[None]:
    """Let one demo, test run or benchmark at a time use this checkout's cluster; others wait."""
    return exclusive(
        DEMO / "lock", progress, waiting_for="another demo, test run or benchmark of this checkout"
    )


def image_prefix() -> str:
    """What stands before `/operator:dev` in the images' names."""
    return os.environ.get(REGISTRY_VARIABLE, "").rstrip("/") or LOCAL_IMAGES


def install(progress: Progress) -> ClusterHandle:
    """
    Provide a cluster that runs the operator of this checkout; safe to repeat.

    Raises:
        DevError: With a sentence that says what to do.
    """
    handle = cluster.up(progress)
    if handle.provider is Provider.CURRENT:
        if image_prefix() == LOCAL_IMAGES:
            raise DevError(
                "the cluster's nodes cannot be given images; push operator:dev, streamer:dev and"
                f" phone:dev to a registry that it pulls from, and name that in {REGISTRY_VARIABLE}"
            )
        claim_namespace(handle, OPERATOR_NAMESPACE)
    archives = [] if image_prefix() != LOCAL_IMAGES else build(_IMAGES, progress)
    if archives:
        cluster.load(archives, progress)
    _clear_interrupted_install(handle, progress)
    progress(f"installing the chart in namespace {OPERATOR_NAMESPACE}")
    _helm(
        handle,
        "upgrade",
        "--install",
        RELEASE,
        str(_CHART),
        f"--values={_VALUES}",
        f"--set-string=image.repository={image_prefix()}/operator",
        f"--set-string=streamer.image.repository={image_prefix()}/streamer",
        # The tag is always `dev`: another build must still roll the operator.
        f"--set-string=podAnnotations.build={_name_of(archives)}",
        "--create-namespace",
        "--wait",
        f"--timeout={INSTALL_TIMEOUT_S}s",
    )
    progress("the operator is ready")
    return handle


def remove(progress: Progress) -> None:
    """Remove the cluster; one that is not ours stays, without our release and namespaces."""
    if cluster.provider_in_use() is Provider.CURRENT and cluster.is_up():
        handle = cluster.handle()
        namespaces = kubectl(handle, "get", "namespaces", f"--selector={_OURS}", "--output=name")
        if f"namespace/{OPERATOR_NAMESPACE}" in namespaces.split():
            progress("removing the operator from the current context's cluster; the CRDs stay")
            _helm(handle, "uninstall", RELEASE, "--ignore-not-found", "--wait")
        progress("removing the demo's namespaces from the current context's cluster")
        kubectl(handle, "delete", "namespaces", f"--selector={_OURS}")
    cluster.down(progress)


def claim_namespace(handle: ClusterHandle, name: str) -> None:
    """
    Make a namespace in a cluster that is not ours, for the demo alone: it will be removed whole.

    Raises:
        DevError: If somebody else has one of that name.
    """
    printed = kubectl(handle, "get", "namespace", name, "--ignore-not-found", "--output=json")
    if printed.strip():
        labels = json.loads(printed)["metadata"].get("labels", {})
        if _OURS not in labels:
            raise DevError(
                f"namespace {name} of this cluster was not made by the demo, which would remove it"
                " at the end; use another cluster"
            )
        return
    kubectl(handle, "create", "namespace", name)
    kubectl(handle, "label", "namespace", name, f"{_OURS}=true")


def _clear_interrupted_install(handle: ClusterHandle, progress: Progress) -> None:
    """
    Forget a release whose helm was killed on the way; helm itself refuses to go on with it.

    Nobody is at it now: see `alone`. The CRDs stay, and the sessions with them.
    """
    releases = json.loads(_helm(handle, "list", "--pending", "--output=json"))
    if any(release["name"] == RELEASE for release in releases):
        progress("removing what an interrupted installation left")
        _helm(handle, "uninstall", RELEASE, "--wait")


def kubectl(handle: ClusterHandle, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl on the cluster and return what it printed."""
    return run(
        [handle.kubectl, f"--kubeconfig={handle.kubeconfig}", *arguments],
        stdin=stdin,
        timeout_s=KUBECTL_TIMEOUT_S,
    )


def _helm(handle: ClusterHandle, *arguments: str) -> str:
    return run(
        [handle.helm, *arguments, f"--namespace={OPERATOR_NAMESPACE}"],
        environment={"KUBECONFIG": str(handle.kubeconfig)},
        timeout_s=INSTALL_TIMEOUT_S + 30,
    )


def _name_of(archives: list[Path]) -> str:
    """A name for this set of builds; an archive's file name has the hash of its inputs."""
    return hashlib.sha256(" ".join(path.name for path in archives).encode()).hexdigest()[:16]
