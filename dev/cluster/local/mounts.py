"""Finds and removes the mounts below the cluster's folders."""

import ctypes
import os
import re
from collections.abc import Iterable
from pathlib import Path

from dev.tools.errors import DevError

# umount2(2): detach now, let go of the file system when nobody uses it any more.
_MNT_DETACH = 2


def parse(mountinfo: str) -> list[str]:
    """Return the mount points of `/proc/self/mountinfo`, in the order of mounting."""
    # See proc_pid_mountinfo(5): field 5, with space, tab, newline and backslash as octal.
    return [
        re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal.group(1), 8)), line.split()[4])
        for line in mountinfo.splitlines()
        if line
    ]


def below(points: Iterable[str], folders: Iterable[Path]) -> list[str]:
    """Return the mount points in the folders, the latest first, as they must be removed."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    return [point for point in points if point.startswith(prefixes)][::-1]


def remove_below(folders: Iterable[Path]) -> None:
    """
    Unmount everything below the folders.

    Raises:
        DevError: If the kernel refuses.
    """
    library = ctypes.CDLL(None, use_errno=True)
    for point in below(parse(Path("/proc/self/mountinfo").read_text(encoding="utf-8")), folders):
        if library.umount2(point.encode(), _MNT_DETACH) != 0:
            code = ctypes.get_errno()
            raise DevError(f"{point} cannot be unmounted: {os.strerror(code)}")
