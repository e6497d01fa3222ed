"""kind: a cluster in containers of a Docker engine. Only the node and image loading differ."""

from pathlib import Path

from dev.tools import command, paths
from dev.tools.errors import DevError
from dev.tools.progress import Progress

NAME = "cloudphone"


def up(progress: Progress) -> None:
    """Make the cluster unless there is one, and write its kubeconfig."""
    paths.DEMO.mkdir(exist_ok=True)
    if NAME in command.run([_kind(), "get", "clusters"]).split():
        command.run(
            [_kind(), "export", "kubeconfig", "--name", NAME, "--kubeconfig", paths.KUBECONFIG]
        )
        return
    progress("creating a kind cluster")
    command.run(
        [
            _kind(),
            "create",
            "cluster",
            "--name",
            NAME,
            "--wait",
            "180s",
            "--kubeconfig",
            paths.KUBECONFIG,
        ]
    )


def down(progress: Progress) -> None:
    """Delete the cluster; nothing happens when there is none."""
    progress("deleting the kind cluster")
    command.run([_kind(), "delete", "cluster", "--name", NAME, "--kubeconfig", paths.KUBECONFIG])
    paths.KUBECONFIG.unlink(missing_ok=True)


def status() -> list[str]:
    """Return a line about the cluster."""
    is_up = NAME in command.run([_kind(), "get", "clusters"]).split()
    return [f"kind cluster {NAME}: {'up' if is_up else 'not up'}"]


def load(archive: Path) -> None:
    """Load an image archive into the node; kind itself skips what the node has."""
    command.run([_kind(), "load", "image-archive", archive, "--name", NAME])


def _kind() -> Path:
    kind = command.find("kind")
    if kind is None:
        raise DevError(
            "kind is not installed; with a Docker engine the cluster needs kind 0.24 or newer"
            " (https://kind.sigs.k8s.io/docs/user/quick-start/#installation), or set"
            " CLUSTER=local or CLUSTER=current"
        )
    return kind
