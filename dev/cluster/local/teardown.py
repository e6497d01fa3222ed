"""Removes all that the local cluster made, in whatever state it is."""

import shutil
from pathlib import Path

from dev.cluster.local import cgroups, firewall, layout, mounts, network, processes, sysctls
from dev.cluster.local.layout import Layout
from dev.cluster.local.owner import Owner
from dev.cluster.progress import Progress

# Where the kubelet, containerd and the CNI library write whatever they are told.
_CONTAINER_LOGS = Path("/var/log/containers")
_CNI_RESULTS = Path("/var/lib/cni/results")
_SHIM_SOCKETS = Path("/run/containerd/s")


def remove(files: Layout, owner: Owner | None, progress: Progress) -> None:
    """
    Remove processes, pods, mounts, network, rules, settings and files, in this order.

    Each step looks at the machine and not at a list, so that it may be repeated, and follows a
    crash at any point.

    Args:
        files: where the cluster's files are.
        owner: what was remembered of the machine; None when no cluster was begun.
        progress: told of each part.
    Raises:
        ClusterError: If something of it cannot be removed.
    """
    began = owner is not None or any(processes.running())
    if began:
        progress("ending the cluster's processes")
        # The kubelet first: it would start pods again. Shims last: they hold the containers.
        processes.kill_all(["kubelet", "kube-proxy"])
        cgroups.remove_pods()
        sockets = _shim_sockets(files)
        processes.kill_all()
        # What the kubelet started in between.
        cgroups.remove_pods()
        for socket in sockets:
            socket.unlink(missing_ok=True)
        _remove_if_empty(_SHIM_SOCKETS)
        _remove_if_empty(_SHIM_SOCKETS.parent)
    mounts.remove_below((files.state, files.data))
    if began:
        progress("removing the cluster's network and rules")
        network.remove_bridge()
        firewall.remove()
        network.forget_connections()
        _remove_cni_results()
        _remove_log_links(
            files.pod_logs, keep_folder=owner is not None and owner.had_container_logs
        )
    if owner is not None:
        sysctls.restore(owner.sysctls)
    shutil.rmtree(files.data, ignore_errors=True)
    _remove_state(files)


def _shim_sockets(files: Layout) -> list[Path]:
    """Return the shims' sockets, which containerd puts into a folder that all its copies share."""
    bundles = files.containerd_state / "io.containerd.runtime.v2.task"
    return [
        Path(address.read_text(encoding="utf-8").strip().removeprefix("unix://"))
        for address in bundles.glob("*/*/address")
    ]


def _remove_cni_results() -> None:
    """Remove the CNI library's notes about our network, and its folders when they are empty."""
    for result in _CNI_RESULTS.glob(f"{layout.NETWORK_NAME}-*"):
        result.unlink(missing_ok=True)
    _remove_if_empty(_CNI_RESULTS)
    _remove_if_empty(_CNI_RESULTS.parent)


def _remove_log_links(pod_logs: Path, *, keep_folder: bool) -> None:
    """Remove the links that the kubelet makes for log collectors."""
    if not _CONTAINER_LOGS.is_dir():
        return
    for link in _CONTAINER_LOGS.iterdir():
        if link.is_symlink() and link.readlink().is_relative_to(pod_logs):
            link.unlink(missing_ok=True)
    if not keep_folder:
        _remove_if_empty(_CONTAINER_LOGS)


def _remove_state(files: Layout) -> None:
    """Remove the run-time state, its owner last: until then a next `down` knows what to do."""
    if not files.state.is_dir():
        return
    for entry in files.state.iterdir():
        if entry == files.owner:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    files.owner.unlink(missing_ok=True)
    _remove_if_empty(files.state)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
