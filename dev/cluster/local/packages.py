"""
Gets what the local cluster needs of Debian.

The daemons are unpacked into the cache and not installed: an installed `etcd-server` or
`containerd` would start a service of its own. Small tools are installed as usual.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.tools import command, debian, files, paths
from dev.tools.errors import DevError
from dev.tools.progress import Progress

# Program -> Debian package, for daemons that are unpacked into the cache.
_UNPACKED = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "bridge": "containernetworking-plugins",
}
# Program -> Debian package, for tools that are installed.
_INSTALLED = {
    "ip": "iproute2",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "openssl": "openssl",
    "mount": "mount",
    "modprobe": "kmod",
}
_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin", "usr/lib/cni", "opt/cni/bin")


def tools(progress: Progress) -> None:
    """
    Install the small tools that are missing.

    Raises:
        DevError: If one is missing and apt is not there, or apt fails.
    """
    debian.ensure_programs(_INSTALLED, progress)


def daemons(progress: Progress) -> Mapping[str, Path]:
    """
    Return the paths of etcd, containerd, runc and the CNI plugin `bridge`.

    Where apt is, they come from the distribution's packages, unpacked once into the cache;
    elsewhere they must be installed.

    Raises:
        DevError: If one cannot be had.
    """
    if command.find("apt-get") is None or command.find("dpkg-deb") is None:
        return {program: _installed(program) for program in _UNPACKED}
    root = paths.cache() / "debian"
    with files.exclusive(root / "lock", progress, waiting_for="another download of packages"):
        missing = sorted(
            package
            for package in set(_UNPACKED.values())
            if not (root / package / ".complete").is_file()
        )
        if missing:
            progress(f"downloading {' '.join(missing)}")
            debian.update_lists(missing)
            for package in missing:
                _unpack(package, root)
    return {program: _inside(root / package, program) for program, package in _UNPACKED.items()}


def _unpack(package: str, root: Path) -> None:
    target = root / package
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        command.run(["apt-get", "download", package], directory=target)
    except DevError:
        # Old lists name a version that the mirror no longer has.
        debian.apt_get("update")
        command.run(["apt-get", "download", package], directory=target)
    for archive in target.glob("*.deb"):
        command.run(["dpkg-deb", "-x", archive, target])
        archive.unlink()
    (target / ".complete").touch()


def _inside(folder: Path, program: str) -> Path:
    for place in _FOLDERS:
        path = folder / place / program
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise DevError(f"{folder} has no {program}; remove that folder and try again")


def _installed(program: str) -> Path:
    plugin_folders = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
    # `bridge` is also iproute2's program: a CNI plugin is only looked for where plugins are.
    found = (
        next((folder / program for folder in plugin_folders if (folder / program).is_file()), None)
        if program == "bridge"
        else command.find(program)
    )
    if found is None:
        raise DevError(
            f"{program} not found; install etcd, containerd, runc and the CNI plugins with this"
            " system's package manager, or a Docker engine"
        )
    return found
