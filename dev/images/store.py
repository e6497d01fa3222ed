"""
Where built images are kept: archives in the user's cache, one a set of inputs.

An archive's name holds the hash of its inputs, so that its existence says that it is up to date.
"""

import contextlib
import shutil
from pathlib import Path

from dev.images.errors import ImageError
from dev.tools.files import exclusive
from dev.tools.paths import cache
from dev.tools.progress import Progress


def cache_directory() -> Path:
    """Return this package's part of the user's cache."""
    return cache() / "images"


def build_lock(progress: Progress) -> contextlib.AbstractContextManager[None]:
    """Let one process at a time build and unpack; another waits for it."""
    return exclusive(
        cache_directory() / "lock", progress, waiting_for="another process that builds images"
    )


def archive_path(name: str, inputs: str) -> Path:
    """Return the path of an image's docker-archive for these inputs, whether it exists or not."""
    return cache_directory() / "archives" / f"{name}-{inputs}.tar"


def finish_archive(partial: Path, archive: Path) -> None:
    """Give a complete archive its name, and remove the same image's older ones."""
    partial.rename(archive)
    name = archive.name.rpartition("-")[0]
    for older in archive.parent.glob(f"{name}-*.tar"):
        if older != archive:
            older.unlink()


def require_archive(name: str, archive: Path) -> Path:
    """
    Return the archive if it has been built.

    Raises:
        ImageError: If it has not, with the command that builds it.
    """
    if not archive.is_file():
        raise ImageError(f"image {name} is not built; run `python -m dev.images build {name}`")
    return archive


def remove_archives() -> None:
    """Remove every archive and every unpacked root file system."""
    for folder in ("archives", "rootfs"):
        shutil.rmtree(cache_directory() / folder, ignore_errors=True)
