"""Brings the local cluster up, and says how it is; each step does nothing when it is done."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import golang
from dev.cluster.local import (
    containerd,
    controlplane,
    firewall,
    kubeconfig,
    layout,
    leftovers,
    network,
    node,
    owner,
    packages,
    pki,
    preflight,
    processes,
    sysctls,
    teardown,
)
from dev.cluster.local.api import Api
from dev.cluster.local.layout import Layout
from dev.cluster.local.processes import Daemon
from dev.tools import paths
from dev.tools.errors import DevError
from dev.tools.files import exclusive, give_to_caller, write_private
from dev.tools.progress import Progress

_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_NODE = ("kubelet", "kube-proxy")
_USERS = ("admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GO_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Programs:
    """All programs of the cluster, wherever they came from."""

    by_name: dict[str, Path]
    plugins: Path


def up(progress: Progress) -> None:
    """
    Start the cluster, or whatever of it does not run, and wait until its node is ready.

    Raises:
        DevError: If the machine cannot have it, or a part does not become ready.
    """
    programs = _programs(progress)
    with _lock(progress):
        files = _claim(progress)
        _prepare(files, programs)
        _start(files, programs, progress)
        kubeconfig.write(paths.KUBECONFIG, server=layout.API_URL, pki=files.pki, user="admin")
        for path in (paths.DEMO, paths.KUBECONFIG):
            give_to_caller(path)


def down(progress: Progress) -> None:
    """
    Remove the cluster and all that it made; nothing happens when there is none.

    Raises:
        DevError: If it belongs to another checkout, or something cannot be removed.
    """
    preflight.check_privileges()
    with _lock(progress):
        present = owner.read(layout.default().owner)
        _refuse_other_checkout(present)
        teardown.remove(_files(present), present, progress)
    paths.KUBECONFIG.unlink(missing_ok=True)


def check() -> None:
    """
    Make sure that this user may have a local cluster, before anything is built for it.

    Raises:
        DevError: If it is no Linux, or not root.
    """
    preflight.check_privileges()


def is_begun() -> bool:
    """Tell whether anything of a local cluster may be on this machine."""
    try:
        return layout.default().state.is_dir()
    except PermissionError:
        # Root's, and nobody else may look.
        return True


def status() -> list[str]:
    """
    Return a line about each part of the cluster.

    Raises:
        DevError: If it cannot be looked at without root.
    """
    if not is_begun():
        return ["no local cluster is up"]
    preflight.check_privileges()
    present = owner.read(layout.default().owner)
    if present is None:
        return ["no local cluster is up"]
    alive = {(process.name, process.program) for process in processes.running()}
    lines = [
        f"{name}: {'running' if (name, name) in alive else 'not running'}"
        for name in ("etcd", "containerd", *_CONTROL_PLANE, *_NODE)
    ]
    files = _files(present)
    is_ready = (files.pki / "complete").is_file() and Api(files.pki).is_node_ready()
    lines.append(f"node {layout.NODE_NAME}: {'Ready' if is_ready else 'not Ready'}")
    lines.append(f"checkout: {present.checkout}")
    lines.append(f"logs: {files.logs}")
    return lines


def load(archive: Path, progress: Progress) -> list[str]:
    """Import an image archive into the node; return the names that it did not have."""
    preflight.check_privileges()
    present = owner.read(layout.default().owner)
    if present is None:
        raise DevError("no local cluster is up; run `python -m dev.cluster up` first")
    ctr = packages.daemons(progress)["containerd"].with_name("ctr")
    return containerd.load(_files(present), ctr, archive)


def _lock(progress: Progress) -> contextlib.AbstractContextManager[None]:
    return exclusive(
        paths.RUNTIME / "lock",
        progress,
        waiting_for="another `up` or `down` of the cluster",
    )


def _programs(progress: Progress) -> _Programs:
    packages.tools(progress)
    debian = packages.daemons(progress)
    built = golang.programs(("kubectl", *_CONTROL_PLANE, *_NODE, "pause"), progress)
    # The kernel shows a process's program without symbolic links: `processes` compares them.
    resolved = {name: path.resolve() for name, path in {**debian, **built}.items()}
    return _Programs(by_name=resolved, plugins=resolved["bridge"].parent)


def _files(present: owner.Owner | None) -> Layout:
    files = layout.default()
    return files if present is None else Layout(state=files.state, data=Path(present.data))


def _refuse_other_checkout(present: owner.Owner | None) -> None:
    if present is None or present.checkout == str(paths.CHECKOUT):
        return
    if Path(present.checkout).is_dir():
        raise DevError(
            f"the local cluster belongs to the checkout {present.checkout}; run"
            " `python -m dev.cluster down` there first"
        )


def _claim(progress: Progress) -> Layout:
    """Make the cluster this checkout's, after clearing what a killed `down` or a reboot left."""
    present = owner.read(layout.default().owner)
    _refuse_other_checkout(present)
    if (
        present is not None
        and present.checkout == str(paths.CHECKOUT)
        and not teardown.is_begun(_files(present))
    ):
        return _files(present)
    files = layout.default()
    teardown.remove(_files(present), present, progress)
    preflight.check_machine()
    preflight.load_kernel_modules()
    files.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner.write(
        files.owner,
        owner.Owner(
            checkout=str(paths.CHECKOUT),
            data=str(files.data),
            sysctls=sysctls.read_all(),
            folders=leftovers.present_folders(),
        ),
    )
    return files


def _prepare(files: Layout, programs: _Programs) -> None:
    sysctls.require()
    network.ensure_bridge()
    firewall.allow_pods()
    pki.ensure(files.pki)
    for user in _USERS:
        kubeconfig.write(files.kubeconfig(user), server=layout.API_URL, pki=files.pki, user=user)
    network.write_cni_configuration(files.cni_config, files.cni_leases)
    node.write_configurations(files)
    files.etcd.mkdir(mode=0o700, exist_ok=True)
    write_private(
        files.config / "containerd.toml",
        containerd.configuration(files, runc=programs.by_name["runc"], plugins=programs.plugins),
    )


def _start(files: Layout, programs: _Programs, progress: Progress) -> None:
    runtime = containerd.daemon(files, containerd=programs.by_name["containerd"], path=_SYSTEM_PATH)
    etcd, apiserver, *controllers = controlplane.daemons(files, programs.by_name, _SYSTEM_PATH)
    nodes = node.daemons(files, programs.by_name, _SYSTEM_PATH)
    everything = (runtime, etcd, apiserver, *controllers, *nodes)
    preflight.check_ports(daemon.name for daemon in processes.not_running(everything))

    api = Api(files.pki)
    _run(files, (runtime, etcd, apiserver), progress)
    _load_pause(files, programs, runtime)
    _wait("the API server", api.is_ready, files, (etcd, apiserver), timeout_s=90)
    _run(files, (*controllers, *nodes), progress)
    _wait(f"node {layout.NODE_NAME}", api.is_node_ready, files, everything, timeout_s=120)
    _wait("namespace default", api.has_default_account, files, everything, timeout_s=60)


def _run(files: Layout, daemons: tuple[Daemon, ...], progress: Progress) -> None:
    for daemon in daemons:
        if processes.ensure(daemon, files.logs):
            progress(f"started {daemon.name}")


def _load_pause(files: Layout, programs: _Programs, runtime: Daemon) -> None:
    _wait("containerd", lambda: containerd.answers(files), files, (runtime,), timeout_s=30)
    kernel_name = os.uname().machine
    machine = _GO_MACHINES.get(kernel_name, kernel_name)
    archive = files.state / "pause.tar"
    archive.write_bytes(containerd.pause_archive(programs.by_name["pause"].read_bytes(), machine))
    containerd.load(files, programs.by_name["containerd"].with_name("ctr"), archive)


def _wait(
    what: str,
    is_done: Callable[[], bool],
    files: Layout,
    daemons: tuple[Daemon, ...],
    *,
    timeout_s: float,
) -> None:
    """
    Wait for a part of the cluster, as long as the daemons behind it live.

    Raises:
        DevError: If one of them ended, or the time is over; with its last log lines.
    """
    deadline_s = time.monotonic() + timeout_s
    while not is_done():
        for daemon in processes.not_running(daemons):
            raise DevError(
                f"{daemon.name} ended: {processes.last_words(daemon.name, files.logs)};"
                f" its log is in {files.logs}"
            )
        if time.monotonic() > deadline_s:
            raise DevError(
                f"{what} was not ready after {timeout_s:.0f} s; look at the logs in {files.logs}"
            )
        time.sleep(0.2)
