"""
The base image on machines without Docker: a small Debian with Python, from apt's own mirror.

It stands for `python:3.13-slim-trixie`, which the same Dockerfiles take where Docker is.
"""

import hashlib
import shutil
from pathlib import Path

from dev.images.mirror import debian_mirror
from dev.tools.command import run
from dev.tools.progress import Progress

BASE_REFERENCE = "localhost/cloudphone/base:trixie"
_SUITE = "trixie"
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
_BOOTSTRAP_TIMEOUT_S = 600

# What no image reads at run time; it is two thirds of a bootstrapped Debian.
_REMOVED = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/log",
)
# The same for packages that a Dockerfile installs later. dpkg reads it; see dpkg.cfg(5).
_DPKG_EXCLUDES = """\
path-exclude /usr/share/doc/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
"""


def definition_hash() -> str:
    """Hash what defines the base: this module's own text, so that any change rebuilds it."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


def bootstrap_base(rootfs: Path, progress: Progress) -> None:
    """
    Fill an empty folder with the base system.

    Args:
        rootfs: The folder; needs root, and a file system that allows device nodes.
        progress: Gets a line for each step.
    Raises:
        ImageError: If apt has no Debian mirror.
        DevError: If debootstrap fails.
    """
    mirror = debian_mirror(_SUITE)
    progress(f"bootstrapping Debian {_SUITE} with Python (about a minute)")
    run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(_PACKAGES)}",
            _SUITE,
            rootfs,
            mirror,
        ],
        timeout_s=_BOOTSTRAP_TIMEOUT_S,
    )
    for name in _REMOVED:
        shutil.rmtree(rootfs / name, ignore_errors=True)
        # apt and dpkg expect the folders themselves.
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    (rootfs / "etc/dpkg/dpkg.cfg.d/excludes").write_text(_DPKG_EXCLUDES, encoding="ascii")
