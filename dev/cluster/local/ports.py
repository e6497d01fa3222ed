"""Tells who has a TCP port that the cluster needs."""

import socket
import time
from collections.abc import Iterable
from pathlib import Path

_LISTEN = "0A"
_LETS_GO_WITHIN_S = 2.0


def is_free(address: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do; connections of an earlier one may still be in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def becomes_free(address: str, port: int) -> bool:
    """
    Tell whether a server could listen there now, or in a moment.

    A program that was just killed has its port until the kernel is done with it.
    """
    deadline_s = time.monotonic() + _LETS_GO_WITHIN_S
    while not is_free(address, port):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


def listening_inodes(table: str, port: int) -> set[str]:
    """
    Return the sockets that listen on a port.

    Args:
        table: content of `/proc/net/tcp` or `tcp6`; see proc_net(5).
        port: the port.
    """
    wanted = f":{port:04X}"
    rows = (line.split() for line in table.splitlines()[1:])
    return {
        row[9] for row in rows if len(row) > 9 and row[3] == _LISTEN and row[1].endswith(wanted)
    }


def holder(port: int) -> str:
    """Return the program that listens on a port, with its process id."""
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            inodes |= listening_inodes(Path(table).read_text(encoding="ascii"), port)
        except OSError:
            continue
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and sockets & set(_descriptors(entry)):
            name = (entry / "comm").read_text(encoding="utf-8").strip()
            return f"{name} (process {entry.name})"
    return "a process that cannot be seen from here"


def _descriptors(process: Path) -> Iterable[str]:
    try:
        return [str(link.readlink()) for link in (process / "fd").iterdir()]
    except OSError:
        return ()
