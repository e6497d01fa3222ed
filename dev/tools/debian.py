"""Gets programs from the distribution's packages, where they are missing and apt is there."""

from collections.abc import Mapping, Sequence

from dev.tools import command
from dev.tools.errors import DevError
from dev.tools.progress import Progress

_WAIT_FOR_LOCK = ("-o", "DPkg::Lock::Timeout=300")


def ensure_programs(packages: Mapping[str, str], progress: Progress) -> None:
    """
    Install the packages of those programs that are missing.

    Args:
        packages: Program -> Debian package.
        progress: Told of what is installed.
    Raises:
        DevError: If one is missing and apt is not there or fails; with what to install.
    """
    missing = sorted({packages[program] for program in packages if not command.find(program)})
    if missing:
        install(missing, progress)


def install(packages: Sequence[str], progress: Progress) -> None:
    """
    Install packages.

    Raises:
        DevError: If apt is not there or fails; with what to install.
    """
    if command.find("apt-get") is None:
        raise DevError(
            f"{', '.join(packages)} not installed; install it with this system's package manager"
        )
    progress(f"installing {' '.join(packages)}")
    update_lists(packages)
    apt_get("install", "-y", "--no-install-recommends", *packages)


def apt_get(*arguments: str) -> None:
    """
    Run apt-get, and wait where another one holds the lock.

    Raises:
        DevError: If it fails, for instance because this is not root.
    """
    command.run(
        ["apt-get", *_WAIT_FOR_LOCK, *arguments],
        environment={"DEBIAN_FRONTEND": "noninteractive"},
        timeout_s=1200,
    )


def update_lists(packages: Sequence[str]) -> None:
    """Fetch apt's lists only where they lack a package: it takes seconds and the network."""
    known = command.run(["apt-cache", "policy", *packages], environment={"LC_ALL": "C"})
    if known.count("Candidate:") < len(packages) or "Candidate: (none)" in known:
        apt_get("update")
