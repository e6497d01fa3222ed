"""
Runs the simulated phone's image without a container engine, for this and other integration tests.

    with simulated_phone() as phone:
        reader, writer = await asyncio.open_connection(phone.host, phone.port)

Needs Linux and root. The phone lives in namespaces of its own: its adbd listens on port 5555 of an address of
its own, and its abstract sockets are its own too. It ends with the test process, however that ends, and
leaves no process, mount or interface.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dev.images.build import build
from dev.images.unpack import unpacked
from dev.tools.progress import Progress

ADB_PORT = 5555
BOOT_TIMEOUT_S = 20
STOP_TIMEOUT_S = 5
CONTAINER = Path(__file__).with_name("phone_container.py")
# RFC 2544's benchmark range, away from the development cluster's part of it.
NETWORK = "198.18.{index}.{host}"
INDICES = range(64, 128)
BOOT_COMPLETED = "phone: boot completed"


class PhoneError(Exception):
    """A phone could not be started; the text has its log."""


@dataclass(kw_only=True)
class PhoneHandle:
    """
    A running phone.

    Attributes:
        host: its address; nothing outside this machine reaches it.
        port: its adbd's TCP port.
        pid: its first process, as this machine numbers it.
        log: the lines it has printed so far.
    """

    host: str
    port: int
    pid: int
    log: list[str] = field(default_factory=list)

    def kill(self) -> None:
        """End the phone at once and without a word, as a crash or a lost node does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def cpu_s(self) -> float:
        """Return the processor time that all of the phone's processes have used."""
        namespace = Path(f"/proc/{self.pid}/ns/pid").readlink()
        ticks = 0
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "ns/pid").readlink() == namespace:
                    # See proc_pid_stat(5): utime, stime, and those of children waited for.
                    fields = (process / "stat").read_text().rpartition(")")[2].split()
                    ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def simulated_phone(arguments: Sequence[str] = ()) -> Iterator[PhoneHandle]:
    """
    Start a phone, wait until it has booted, and stop it at the end.

    Args:
        arguments: for the phone's init, such as `androidboot.redroid_width=1080`.
    Raises:
        PhoneError: If it does not boot.
    """
    progress = Progress()
    [archive] = build(["phone"], progress)
    with unpacked(archive, progress) as rootfs, _interface() as (interface, index):
        phone = NETWORK.format(index=index, host=2)
        process = subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                "unshare",
                "--net",
                "--pid",
                "--mount",
                "--ipc",
                "--uts",
                "--fork",
                "--kill-child",
                sys.executable,
                str(CONTAINER),
                str(rootfs),
                "eth0",
                f"{phone}/30",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        pid = None
        try:
            pid = _child_of(process)
            _ip("link", "set", interface, "netns", str(pid), "name", "eth0")
            handle = PhoneHandle(host=phone, port=ADB_PORT, pid=pid)
            _wait_for_boot(process, handle)
            yield handle
        finally:
            _stop(process, pid)


@contextlib.contextmanager
def _interface() -> Iterator[tuple[str, int]]:
    """Make a pair of interfaces; the phone's end takes this one with it when it ends."""
    for index in INDICES:
        outside, inside = f"phone{index}", f"phone{index}-in"
        try:
            _ip("link", "add", outside, "type", "veth", "peer", "name", inside)
        except subprocess.CalledProcessError:
            continue
        break
    else:
        raise PhoneError(f"all of {len(INDICES)} phone interfaces are taken")
    try:
        _ip("address", "add", f"{NETWORK.format(index=index, host=1)}/30", "dev", outside)
        _ip("link", "set", outside, "up")
        yield inside, index
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "delete", outside)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _child_of(process: "subprocess.Popen[str]") -> int:
    """Return the first process of the new namespaces, which unshare forks."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    own = Path("/proc/self/ns/net").readlink()
    deadline_s = time.monotonic() + BOOT_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                if Path(f"/proc/{child}/ns/net").readlink() != own:
                    return int(child)
        time.sleep(0.005)
    raise PhoneError(f"unshare did not start the phone: {_output(process)}")


def _wait_for_boot(process: "subprocess.Popen[str]", handle: PhoneHandle) -> None:
    booted = threading.Event()

    def read_log() -> None:
        for line in process.stdout or ():
            handle.log.append(line.rstrip())
            if BOOT_COMPLETED in line:
                booted.set()

    threading.Thread(target=read_log, name="phone-log", daemon=True).start()
    deadline_s = time.monotonic() + BOOT_TIMEOUT_S
    while not booted.wait(0.02):
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise PhoneError("the phone did not boot:\n" + "\n".join(handle.log))
    with socket.create_connection((handle.host, handle.port), timeout=BOOT_TIMEOUT_S):
        pass


def _stop(process: "subprocess.Popen[str]", pid: int | None) -> None:
    """End the phone's first process; the kernel ends everything else in its PID namespace."""
    if pid is not None and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S if pid is not None else 0)
    except subprocess.TimeoutExpired:
        # unshare takes its child with it (--kill-child).
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _output(process: "subprocess.Popen[str]") -> str:
    process.kill()
    return process.communicate()[0].strip()
