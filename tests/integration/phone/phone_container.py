"""
The inside of a simulated phone's namespaces; `simulated_phone` starts it under unshare(1).

Usage: phone_container.py ROOTFS INTERFACE ADDRESS/PREFIX [INIT ARGUMENT ...]

It builds what a container runtime would give the image: a writable layer that is gone afterwards, /proc,
/dev and a network interface. Then it becomes the image's process 1. All of it ends with that process.
"""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

ENTRY_POINT = "/system/bin/init"
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
INTERFACE_TIMEOUT_S = 10


def mount(kind: str, target: Path, options: str = "") -> None:
    option_arguments = ["-o", options] if options else []
    subprocess.run(["mount", "-t", kind, *option_arguments, kind, str(target)], check=True)


def make_root(image: Path) -> Path:
    """Lay a layer in memory over the image, so that phones share it and leave it as it is."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    scratch = Path("/mnt")
    mount("tmpfs", scratch)
    upper, work, root = (scratch / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir()
    mount("overlay", root, f"lowerdir={image},upperdir={upper},workdir={work}")
    mount("proc", root / "proc")
    mount("tmpfs", root / "dev", "mode=0755")
    for name, (major, minor) in DEVICES.items():
        os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        (root / "dev" / name).chmod(0o666)
    (root / "dev/pts").mkdir()
    mount("devpts", root / "dev/pts", "newinstance,ptmxmode=0666,mode=0620")
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    return root


def configure_interface(interface: str, address: str) -> None:
    """Give the interface its address once the outside has put it here."""
    deadline_s = time.monotonic() + INTERFACE_TIMEOUT_S
    while not Path("/proc/self/net/dev").read_text().count(f"{interface}:"):
        if time.monotonic() > deadline_s:
            sys.exit(f"interface {interface} did not come")
        time.sleep(0.01)
    for link in ("lo", interface):
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
    subprocess.run(["ip", "address", "add", address, "dev", interface], check=True)


def main() -> None:
    image, interface, address, *arguments = sys.argv[1:]
    root = make_root(Path(image))
    configure_interface(interface, address)
    os.chroot(root)
    os.chdir("/")
    os.execve(
        ENTRY_POINT,
        [ENTRY_POINT, *arguments],
        {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    )


if __name__ == "__main__":
    main()
