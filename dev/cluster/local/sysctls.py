"""Kernel settings that the cluster changes, and puts back when it goes."""

from collections.abc import Mapping
from pathlib import Path

from dev.tools.errors import DevError

REQUIRED = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    # Each container runtime, kubelet and watcher takes some; the defaults suit one desktop.
    "fs.inotify.max_user_instances": "1024",
    "fs.inotify.max_user_watches": "524288",
}
_AT_LEAST = {"fs.inotify.max_user_instances", "fs.inotify.max_user_watches"}

# The kubelet (its protectKernelDefaults) and kube-proxy set these by themselves.
_CHANGED_BY_KUBERNETES = (
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "net.ipv4.conf.all.route_localnet",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_udp_timeout",
    "net.netfilter.nf_conntrack_udp_timeout_stream",
)


def read_all() -> dict[str, str]:
    """Return the present value of every setting that the cluster may change."""
    values = {}
    for name in (*REQUIRED, *_CHANGED_BY_KUBERNETES):
        try:
            values[name] = _file(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
    return values


def changes(wanted: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Return what must be written; a limit that is already higher stays."""
    return {
        name: value
        for name, value in wanted.items()
        if name not in present
        or (
            int(present[name]) < int(value) if name in _AT_LEAST else present[name].strip() != value
        )
    }


def require() -> None:
    """
    Set what the cluster needs.

    Raises:
        DevError: If the kernel refuses.
    """
    for name, value in changes(REQUIRED, read_all()).items():
        try:
            _file(name).write_text(value, encoding="ascii")
        except OSError as error:
            raise DevError(
                f"the kernel setting {name} cannot be set to {value} ({error.strerror}); run as"
                " root on a machine that has the br_netfilter module"
            ) from error


def restore(values: Mapping[str, str]) -> None:
    """Put back remembered values, as far as the kernel still has the setting."""
    for name, value in values.items():
        path = _file(name)
        try:
            if path.read_text(encoding="ascii").strip() != value:
                path.write_text(value, encoding="ascii")
        except OSError:
            continue


def _file(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))
