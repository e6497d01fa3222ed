"""Says in one sentence what keeps the local cluster from starting on this machine."""

import os
import sys
from collections.abc import Iterable

from dev.cluster.local import firewall, layout, network, ports
from dev.tools import command
from dev.tools.errors import DevError

# Built into many kernels, so that a refusal means nothing: what is needed is checked afterwards.
_MODULES = ("overlay", "br_netfilter", "nf_conntrack", "ip_tables", "xt_comment", "xt_MASQUERADE")


def check_privileges() -> None:
    """
    Make sure of Linux and root.

    Raises:
        DevError: If it is another system or user.
    """
    if sys.platform != "linux":
        raise DevError("the local cluster needs Linux; install a Docker engine and kind")
    if os.geteuid() != 0:
        raise DevError("the local cluster needs root; run the same command with sudo")


def load_kernel_modules() -> None:
    """Load what containers and their network need, where the kernel has it as modules."""
    program = command.find("modprobe")
    for module in _MODULES if program else ():
        try:
            command.run([program or "modprobe", "--quiet", module])
        except DevError:
            continue


def check_machine() -> None:
    """
    Make sure, before anything is changed, that no other cluster is in the way.

    Raises:
        DevError: If there is one, or the address range is taken.
    """
    network.check_range()
    if any(firewall.has_other_kubernetes(saved) for saved in firewall.saved_rules().values()):
        raise DevError(
            "another Kubernetes has its rules (KUBE-SERVICES) in this machine's iptables; stop it"
            " and remove them, or use it with CLUSTER=current"
        )


def check_ports(daemons: Iterable[str]) -> None:
    """
    Make sure that the ports of daemons about to start are free.

    Args:
        daemons: names of the programs that do not run yet.
    Raises:
        DevError: If another program listens on one.
    """
    starting = set(daemons)
    for user, port in layout.PORTS.items():
        if user.split(" (")[0] in starting and not ports.becomes_free(layout.NODE_ADDRESS, port):
            raise DevError(
                f"port {port}, which {user} needs, is in use by {ports.holder(port)}; stop it and"
                " try again"
            )
