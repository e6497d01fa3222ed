"""The operator on a cluster: images built and loaded, chart installed. Demo and tests use it."""

import hashlib
import os
from pathlib import Path

from dev import cluster
from dev.cluster import ClusterHandle, Progress
from dev.images.build import build
from dev.tools.command import run
from dev.tools.paths import CHECKOUT

OPERATOR_NAMESPACE = "cloudphone-system"
RELEASE = "cloudphone"
INSTALL_TIMEOUT_S = 180

LOCAL_IMAGES = "localhost/cloudphone"
REGISTRY_VARIABLE = "DEMO_REGISTRY"
"""Where a cluster that is not ours pulls the images from; somebody pushed them there."""

_CHART = CHECKOUT / "helm" / "cloudphone-streaming"
_VALUES = CHECKOUT / "dev" / "demo" / "values.yaml"
_IMAGES = ("operator", "streamer", "phone")


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
    archives = [] if image_prefix() != LOCAL_IMAGES else build(_IMAGES, progress)
    if archives:
        cluster.load(archives, progress)
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


def uninstall(handle: ClusterHandle) -> None:
    """Remove the release from a cluster that is not ours to remove."""
    _helm(handle, "uninstall", RELEASE, "--ignore-not-found", "--wait")


def _helm(handle: ClusterHandle, *arguments: str) -> None:
    run(
        [handle.helm, *arguments, f"--namespace={OPERATOR_NAMESPACE}"],
        environment={"KUBECONFIG": str(handle.kubeconfig)},
        timeout_s=INSTALL_TIMEOUT_S + 30,
    )


def _name_of(archives: list[Path]) -> str:
    """A name for this set of builds; an archive's file name has the hash of its inputs."""
    return hashlib.sha256(" ".join(path.name for path in archives).encode()).hexdigest()[:16]
