"""
Unpacks a docker-archive to a folder: an image's root file system without a container engine.

The phone's own tests run it this way, in namespaces of their own.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from dev.images.store import build_lock, cache_directory
from dev.tools.command import run
from dev.tools.progress import Progress

_WHITEOUT_PREFIX = ".wh."
_OPAQUE_WHITEOUT = ".wh..wh..opq"


@contextlib.contextmanager
def unpacked(archive: Path, progress: Progress) -> Iterator[Path]:
    """
    Lend a folder with an archive's root file system, made once for each archive.

    Needs root: owners and device nodes are kept. Borrowers must not write into it. A newer
    archive's folder replaces it once nobody borrows it any more.

    Args:
        archive: A docker-archive from this package; its name is the folder's.
        progress: Told when it has to wait.
    Raises:
        DevError: If a layer cannot be unpacked.
    """
    rootfs = cache_directory() / "rootfs" / archive.stem
    with build_lock(progress):
        if not rootfs.is_dir():
            _remove_unused(rootfs.parent, archive.stem.rpartition("-")[0])
            _unpack(archive, rootfs)
        borrowed = os.open(rootfs, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(borrowed, fcntl.LOCK_SH)
    try:
        yield rootfs
    finally:
        os.close(borrowed)


def _remove_unused(folder: Path, name: str) -> None:
    for older in folder.glob(f"{name}-*"):
        descriptor = os.open(older, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(older)
        finally:
            os.close(descriptor)


def _unpack(archive: Path, rootfs: Path) -> None:
    partial = rootfs.with_suffix(".partial")
    layers = partial / "layers"
    tree = partial / "tree"
    shutil.rmtree(partial, ignore_errors=True)
    layers.mkdir(parents=True)
    tree.mkdir()
    # Debian 12's Python has no extraction filters yet; tar refuses paths that lead outside.
    run(["tar", "--extract", f"--file={archive}", f"--directory={layers}"])
    manifest = json.loads((layers / "manifest.json").read_text(encoding="utf-8"))
    for layer in manifest[0]["Layers"]:
        apply_whiteouts(layers / layer, tree)
        run(
            [
                "tar",
                "--extract",
                "--numeric-owner",
                f"--file={layers / layer}",
                f"--directory={tree}",
                f"--exclude={_WHITEOUT_PREFIX}*",
            ]
        )
    tree.rename(rootfs)
    shutil.rmtree(partial)


def apply_whiteouts(layer: Path, tree: Path) -> None:
    """Remove what a layer deletes. See the OCI Image Layer Specification - Whiteouts."""
    with tarfile.open(layer) as members:
        for member in members:
            path = Path(member.name)
            if path.name == _OPAQUE_WHITEOUT:
                for child in list((tree / path.parent).iterdir()):
                    _remove(child)
            elif path.name.startswith(_WHITEOUT_PREFIX):
                _remove(tree / path.parent / path.name.removeprefix(_WHITEOUT_PREFIX))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
