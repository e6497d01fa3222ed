"""
Files that the kubelet, containerd and the CNI library write outside of the cluster's folders.

Their places are fixed in those programs. Other programs may use the same folders: what is ours
is told by name or by where a link points, and a folder goes only when it is empty and was not
there before.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dev.cluster.local import layout
from dev.cluster.local.layout import Layout

_CONTAINER_LOGS = Path("/var/log/containers")
_CNI_RESULTS = Path("/var/lib/cni/results")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
_SHIM_SOCKETS = Path("/run/containerd/s")

# Deepest first, as they must be removed.
_FOLDERS = (
    _CONTAINER_LOGS,
    _CNI_RESULTS,
    _CNI_RESULTS.parent,
    _DEVICE_PLUGINS,
    _DEVICE_PLUGINS.parent,
    _SHIM_SOCKETS,
    _SHIM_SOCKETS.parent,
)


def present_folders() -> list[str]:
    """Return the folders that are there now, to be remembered before the cluster starts."""
    return [str(folder) for folder in _FOLDERS if folder.is_dir()]


def shim_sockets(files: Layout) -> list[Path]:
    """Return the sockets of containerd's shims, which their bundles name."""
    bundles = files.containerd_state / "io.containerd.runtime.v2.task"
    return [
        Path(address.read_text(encoding="utf-8").strip().removeprefix("unix://"))
        for address in bundles.glob("*/*/address")
    ]


def remove(files: Layout, sockets: Iterable[Path], folders_before: Sequence[str]) -> None:
    """
    Remove the cluster's files, and folders that it made.

    Args:
        files: the cluster's folders, into which links of ours point.
        sockets: what `shim_sockets` returned while the bundles were there.
        folders_before: what `present_folders` returned before the start.
    """
    files_of_ours = [*sockets, *_log_links(files), *_cni_results(), *_device_plugin_files()]
    if str(_SHIM_SOCKETS) not in folders_before:
        # A shim that was killed while its containerd restarted has no bundle any more.
        files_of_ours += _SHIM_SOCKETS.glob("*")
    for file in files_of_ours:
        file.unlink(missing_ok=True)
    for folder in _FOLDERS:
        if str(folder) not in folders_before:
            remove_if_empty(folder)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder, unless something is in it or it is not there."""
    try:
        folder.rmdir()
    except OSError:
        return


def _log_links(files: Layout) -> list[Path]:
    """Return the links that the kubelet makes for log collectors."""
    if not _CONTAINER_LOGS.is_dir():
        return []
    return [
        link
        for link in _CONTAINER_LOGS.iterdir()
        if link.is_symlink() and link.readlink().is_relative_to(files.pod_logs)
    ]


def _cni_results() -> list[Path]:
    """Return the notes NETWORK-CONTAINER-INTERFACE of our network's pods, loopback's included."""
    ours = list(_CNI_RESULTS.glob(f"{layout.NETWORK_NAME}-*"))
    pods = {note.name.removeprefix(f"{layout.NETWORK_NAME}-").split("-")[0] for note in ours}
    loopback = (f"cni-loopback-{pod}-lo" for pod in pods)
    return [*ours, *(_CNI_RESULTS / name for name in loopback)]


def _device_plugin_files() -> list[Path]:
    return [_DEVICE_PLUGINS / name for name in ("kubelet.sock", "kubelet_internal_checkpoint")]
