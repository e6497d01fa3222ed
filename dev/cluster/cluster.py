"""
The development cluster, whoever provides it. Tests, the demo and the command line call this.

`up` says in its answer how to reach the cluster, and remembers the provider in the checkout, so
that later commands speak of the same one.
"""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import current, golang, kind, provider
from dev.cluster.local import cluster as local
from dev.cluster.local import layout
from dev.cluster.provider import Provider
from dev.tools import command, paths
from dev.tools.errors import DevError
from dev.tools.progress import Progress

_REMEMBERED = paths.DEMO / "cluster.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHandle:
    """How to reach a cluster that is up."""

    provider: Provider
    kubeconfig: Path
    kubectl: Path
    helm: Path
    node_address: str
    """Address of a node, for media: host ports are reached there."""
    page_host: str
    """Host for URLs of NodePorts that a browser on this machine opens."""

    def on_this_machine(self, url: str) -> str:
        """The same URL by the host that a browser here opens: 127.0.0.1 is a secure context."""
        return url.replace(f"//{self.node_address}:", f"//{self.page_host}:")


def up(progress: Progress) -> ClusterHandle:
    """
    Bring the cluster up, or make sure that it is.

    Args:
        progress: told of each step that takes time.
    Raises:
        DevError: If this machine cannot have it; the text says what to do.
    """
    chosen = _choose()
    if chosen is Provider.LOCAL:
        local.check()
    programs = _clients(chosen, progress)
    # Before anything is made: `down` after a crash must know the provider.
    paths.DEMO.mkdir(exist_ok=True)
    _REMEMBERED.write_text(json.dumps({"provider": chosen}) + "\n", encoding="utf-8")
    match chosen:
        case Provider.LOCAL:
            local.up(progress)
        case Provider.KIND:
            kind.up(progress)
        case Provider.CURRENT:
            current.up(programs["kubectl"], progress)
    return _handle(chosen, programs)


def handle() -> ClusterHandle:
    """
    Return how to reach the cluster that is up, without touching it.

    Raises:
        DevError: If none was brought up from this checkout.
    """
    remembered = provider_in_use()
    if remembered is None or not is_up():
        raise DevError("no cluster is up; run `python -m dev.cluster up` first")
    return _handle(remembered, _clients(remembered, Progress()))


def is_up() -> bool:
    """Tell whether this checkout has a cluster that was not taken down, nor ended by a reboot."""
    remembered = provider_in_use()
    if remembered is None or not paths.KUBECONFIG.is_file():
        return False
    return remembered is not Provider.LOCAL or local.is_begun()


def down(progress: Progress) -> None:
    """
    Remove the cluster that this checkout brought up; nothing happens when there is none.

    Raises:
        DevError: If something of it cannot be removed.
    """
    match provider_in_use():
        case Provider.KIND:
            kind.down(progress)
        case Provider.CURRENT:
            current.down()
        case Provider.LOCAL:
            local.down(progress)
        case None if local.is_begun():
            # The checkout's own memory of it is gone.
            local.down(progress)
        case None:
            progress("no cluster is up")
    _REMEMBERED.unlink(missing_ok=True)


def status() -> list[str]:
    """Return a line about each part of the cluster."""
    match provider_in_use():
        case Provider.KIND:
            return kind.status()
        case Provider.CURRENT:
            return [f"the context copied to {paths.KUBECONFIG}"]
        case _:
            return local.status()


def load(archives: Sequence[Path], progress: Progress) -> None:
    """
    Give image archives to the cluster's node, which then needs no registry for them.

    Args:
        archives: docker-archive or oci-archive files.
        progress: told of each file.
    Raises:
        DevError: If the cluster is somebody else's, or a file is no image archive.
    """
    match provider_in_use():
        case Provider.LOCAL:
            for archive in archives:
                loaded = local.load(archive, progress)
                progress(
                    f"loaded {', '.join(loaded)}" if loaded else f"{archive.name}: already there"
                )
        case Provider.KIND:
            for archive in archives:
                progress(f"loading {archive.name}")
                kind.load(archive)
        case Provider.CURRENT:
            raise DevError(
                "images cannot be loaded into the nodes of an existing cluster; push them to a"
                " registry that it pulls from, and name that with DEMO_REGISTRY for the demo"
            )
        case None:
            raise DevError("no cluster is up; run `python -m dev.cluster up` first")


def set_gpus(node: str, count: int) -> None:
    """
    Say that a node has GPUs, for the scheduler's eyes only.

    See the Kubernetes documentation, "Advertise Extended Resources for a Node".

    Args:
        node: the node's name.
        count: how many `nvidia.com/gpu` it has.
    Raises:
        DevError: If the count is negative, or there is no such node.
    """
    if count < 0:
        raise DevError(f"COUNT is {count}; expected 0 or more")
    reached = handle()
    patch = [
        # `~1` is the slash of nvidia.com/gpu; see RFC 6901 - 3. Syntax.
        {"op": "add", "path": f"/status/{field}/nvidia.com~1gpu", "value": str(count)}
        for field in ("capacity", "allocatable")
    ]
    command.run(
        [
            reached.kubectl,
            "--kubeconfig",
            reached.kubeconfig,
            "patch",
            "node",
            node,
            "--subresource=status",
            "--type=json",
            f"--patch={json.dumps(patch)}",
        ]
    )


def environment_lines(reached: ClusterHandle) -> list[str]:
    """Return shell lines that make kubectl and helm of a shell speak to the cluster."""
    folders = list(dict.fromkeys((str(reached.kubectl.parent), str(reached.helm.parent))))
    return [
        f"export KUBECONFIG={shlex.quote(str(reached.kubeconfig))}",
        f'export PATH={shlex.quote(":".join(folders))}:"$PATH"',
    ]


def _choose() -> Provider:
    return provider.choose(provider.asked(os.environ), provider.this_machine())


def provider_in_use() -> Provider | None:
    """Return who provides this checkout's cluster, from the begin of `up` to the end of `down`."""
    try:
        return Provider(json.loads(_REMEMBERED.read_text(encoding="utf-8"))["provider"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DevError(f"{_REMEMBERED} is not readable; remove it and try again") from error


def _clients(chosen: Provider, progress: Progress) -> dict[str, Path]:
    """Return kubectl and helm: built here for the local cluster, else the user's own if any."""
    names = ("kubectl", "helm")
    if chosen is Provider.LOCAL:
        return golang.programs(names, progress)
    installed = {name: found for name in names if (found := command.find(name)) is not None}
    missing = [name for name in names if name not in installed]
    return installed | golang.programs(missing, progress)


def _handle(chosen: Provider, programs: dict[str, Path]) -> ClusterHandle:
    if chosen is Provider.LOCAL:
        node_address, page_host = layout.NODE_ADDRESS, "127.0.0.1"
    else:
        node_address = page_host = _first_node_address(programs["kubectl"])
    return ClusterHandle(
        provider=chosen,
        kubeconfig=paths.KUBECONFIG,
        kubectl=programs["kubectl"],
        helm=programs["helm"],
        node_address=node_address,
        page_host=page_host,
    )


def _first_node_address(kubectl: Path) -> str:
    template = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}'
    said = command.run(
        [kubectl, "--kubeconfig", paths.KUBECONFIG, "get", "nodes", f"--output=jsonpath={template}"]
    ).split()
    if not said:
        raise DevError("the cluster has no node with an address; add a node and try again")
    return said[0]
