"""Removes all that the local cluster made, in whatever state it is."""

import shutil

from dev.cluster.local import cgroups, firewall, leftovers, mounts, network, processes, sysctls
from dev.cluster.local.layout import Layout
from dev.cluster.local.owner import Owner
from dev.tools.progress import Progress


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
        DevError: If something of it cannot be removed.
    """
    if files.state.is_dir():
        files.removing.touch()
    began = owner is not None or any(processes.running())
    if began:
        progress("ending the cluster's processes")
        # The kubelet first: it would start pods again. Shims last: they hold the containers.
        processes.kill_all(["kubelet", "kube-proxy"])
        cgroups.remove_pods()
        sockets = leftovers.shim_sockets(files)
        processes.kill_all()
        # What the kubelet started in between.
        cgroups.remove_pods()
        leftovers.remove(files, sockets, owner.folders if owner is not None else ())
    mounts.remove_below((files.state, files.data))
    if began:
        progress("removing the cluster's network and rules")
        network.remove_bridge()
        firewall.remove()
        network.forget_connections()
    if owner is not None:
        sysctls.restore(owner.sysctls)
    shutil.rmtree(files.data, ignore_errors=True)
    _remove_state(files)


def is_begun(files: Layout) -> bool:
    """Tell whether a removal was begun and did not end."""
    return files.removing.exists()


def _remove_state(files: Layout) -> None:
    """Remove the run-time state, its owner last: until then a next `down` knows what to do."""
    if not files.state.is_dir():
        return
    for entry in files.state.iterdir():
        if entry in (files.owner, files.removing):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    files.owner.unlink(missing_ok=True)
    files.removing.unlink(missing_ok=True)
    leftovers.remove_if_empty(files.state)
