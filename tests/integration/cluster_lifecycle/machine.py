"""What of a machine the local cluster changes, and must put back."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.local import cgroups, layout, leftovers, mounts, processes, sysctls

# Packet counters of `iptables-save`, and its comments with the time.
_VOLATILE = re.compile(r"\[\d+:\d+\]|^#.*$", re.MULTILINE)
_OF_CLUSTERS = re.compile(r"/cluster/|/netns/|/kubelet/|/containerd/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """
    A comparable picture of the machine.

    Of mounts and interfaces only such as a cluster makes: an image build or another test may
    make its own meanwhile.
    """

    processes: frozenset[str]
    mounts: frozenset[str]
    interfaces: frozenset[str]
    rules: str
    settings: dict[str, str]
    folders: tuple[str, ...]
    pod_groups: tuple[Path, ...]


def look() -> Machine:
    """Look at the machine now."""
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return Machine(
        processes=frozenset(process.program for process in processes.running()),
        mounts=frozenset(filter(_OF_CLUSTERS.search, mounts.parse(table))),
        interfaces=frozenset(
            path.name
            for path in Path("/sys/class/net").iterdir()
            if path.name.startswith(("veth", layout.BRIDGE))
        ),
        rules="".join(_rules(program) for program in ("iptables-save", "ip6tables-save")),
        settings=sysctls.read_all(),
        folders=tuple(leftovers.present_folders()),
        pod_groups=tuple(cgroups.pod_groups()),
    )


def _rules(program: str) -> str:
    saved = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    lines = _VOLATILE.sub("", saved).splitlines()
    # An empty table, with its built-in chains open, is the same as a table that is not there.
    return "\n".join(
        line for line in lines if line and not line.endswith(" ACCEPT ") and line[0] not in "*C"
    )
