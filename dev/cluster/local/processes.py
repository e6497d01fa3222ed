"""
Starts, finds and ends the cluster's processes.

Every daemon has a mark in its environment, and what it starts inherits it. So the processes
themselves say whose they are: no list of process ids can be lost in a crash, and an id that
the kernel gave to another program is never taken for ours.
"""

import hashlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.tools.errors import DevError

MARK = "CLOUDPHONE_CLUSTER_PROCESS"
CONFIGURATION = "CLOUDPHONE_CLUSTER_CONFIGURATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A program that the cluster keeps running."""

    name: str
    argv: tuple[str, ...]
    files: tuple[Path, ...] = ()
    """Configuration files: another content means another daemon."""
    path: str
    """PATH for the programs that it starts."""

    def configuration(self) -> str:
        """Return a digest of all that decides how it runs."""
        digest = hashlib.sha256("\0".join((*self.argv, self.path)).encode())
        for file in self.files:
            digest.update(b"\0" + file.read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A marked process."""

    pid: int
    name: str
    """The daemon that it is, or that started it."""
    program: str
    """File name of its program."""
    configuration: str


def parse_environment(raw: bytes) -> dict[str, str]:
    """Read `/proc/PID/environ`: NUL-separated `NAME=value`."""
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {
        name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in pairs
    }


def running() -> Iterator[Running]:
    """Yield every marked process; shims count as the containerd that started them."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            found = _read(int(entry.name))
            if found is not None:
                yield found


def ensure(daemon: Daemon, logs: Path) -> bool:
    """
    Start a daemon unless it runs as it should.

    One that runs with another configuration is ended first; its own children, such as the
    containers below containerd, go on.

    Args:
        daemon: what should run.
        logs: folder for its output.
    Returns:
        Whether it was started.
    """
    configuration = daemon.configuration()
    same_program = [process for process in running() if _is(process, daemon)]
    if any(process.configuration == configuration for process in same_program):
        return False
    for process in same_program:
        end(process.pid, signal.SIGTERM, wait_s=5)
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{daemon.name}.log").open("ab") as log:
        started = subprocess.Popen(
            daemon.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={
                "PATH": daemon.path,
                "HOME": "/",
                MARK: daemon.name,
                CONFIGURATION: configuration,
            },
            # Its own session: a Ctrl-C or a closed terminal ends the command, not the cluster.
            start_new_session=True,
        )
    # execve(2) wakes us before the new program's environment, and in it the mark, can be read.
    while _read(started.pid) is None and started.poll() is None:
        time.sleep(0.001)
    return True


def not_running(daemons: Iterable[Daemon]) -> list[Daemon]:
    """Return those of the daemons that do not run, whatever their configuration."""
    present = list(running())
    return [daemon for daemon in daemons if not any(_is(found, daemon) for found in present)]


def executable(pid: int) -> str | None:
    """Return the program file of a process; None for one that ended."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)")
    except OSError:
        return None


def end(pid: int, sent: signal.Signals, *, wait_s: float) -> None:
    """
    Signal a marked process, and kill it when it has not ended in time.

    A pidfd names the process itself: the mark is read after it is opened, so that the signal
    cannot reach another process with a recycled id. See pidfd_open(2).
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _read(pid) is None:
            return
        signal.pidfd_send_signal(descriptor, sent)
        if not select.select([descriptor], [], [], wait_s)[0]:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], wait_s)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


def kill_all(names: Sequence[str] | None = None) -> None:
    """
    Kill every marked process, or those of the named daemons, until none is left.

    Raises:
        DevError: If some do not end.
    """
    deadline_s = time.monotonic() + 20
    while found := [process for process in running() if names is None or process.name in names]:
        if time.monotonic() > deadline_s:
            listed = ", ".join(f"{process.name} ({process.pid})" for process in found)
            raise DevError(f"processes did not end: {listed}; look at them with ps")
        for process in found:
            end(process.pid, signal.SIGKILL, wait_s=2)


def last_words(name: str, logs: Path) -> str:
    """Return the end of a daemon's log, for an error's text."""
    try:
        lines = (logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it wrote no log"
    return " / ".join(lines[-3:]) or "its log is empty"


def environment_of(pid: int) -> Mapping[str, str] | None:
    """Return a process's environment; None for one that ended, a kernel thread, or a zombie."""
    try:
        return parse_environment(Path(f"/proc/{pid}/environ").read_bytes()) or None
    except OSError:
        return None


def _is(process: Running, daemon: Daemon) -> bool:
    """Tell the daemon itself from what it started, such as containerd from its shims."""
    return process.name == daemon.name and process.program == Path(daemon.argv[0]).name


def _read(pid: int) -> Running | None:
    environment = environment_of(pid)
    if environment is None or MARK not in environment:
        return None
    return Running(
        pid=pid,
        name=environment[MARK],
        program=Path(executable(pid) or "").name,
        configuration=environment.get(CONFIGURATION, ""),
    )
