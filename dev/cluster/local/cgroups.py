"""The kubelet's control groups: the pods' processes are found, and ended, through them."""

import os
import signal
import time
from pathlib import Path

from dev.tools.errors import DevError

_ROOT = Path("/sys/fs/cgroup")
# The kubelet's own name for the parent of all pods.
_PODS = "kubepods"
_WAIT_S = 20


def pod_groups() -> list[Path]:
    """Return `kubepods` in the one hierarchy of cgroup v2, or in each controller of v1."""
    return [path for path in (_ROOT / _PODS, *_ROOT.glob(f"*/{_PODS}")) if path.is_dir()]


def remove_pods() -> None:
    """
    Kill the processes in the pods' groups, and remove the groups.

    Raises:
        DevError: If processes do not end in time.
    """
    deadline_s = time.monotonic() + _WAIT_S
    while (groups := pod_groups()) and not all(_remove(group) for group in groups):
        if time.monotonic() > deadline_s:
            raise DevError(f"processes of pods did not end; look at {groups[0]}/**/cgroup.procs")
        time.sleep(0.05)


def _remove(group: Path) -> bool:
    """Kill what is in a group and below it; tell whether the group is gone."""
    for folder, _, _ in os.walk(group, topdown=False):
        path = Path(folder)
        for pid in _processes(path):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            path.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            # Processes take a moment to end.
            return False
    return not group.exists()


def _processes(group: Path) -> list[int]:
    try:
        text = (group / "cgroup.procs").read_text(encoding="ascii")
    except OSError:
        return []
    # 0 stands for a process of another process namespace than ours.
    return [int(line) for line in text.split() if line != "0"]
