"""
Unpacks a docker-archive to a folder: an image's root file system without a container engine.

The phone's own tests run it this way, in namespaces of their own.
"""

import json
import shutil
import tarfile
from pathlib import Path

from dev.cluster.command import run
from dev.images.store import cache_directory

_WHITEOUT_PREFIX = ".wh."
_OPAQUE_WHITEOUT = ".wh..wh..opq"


def unpack(archive: Path) -> Path:
    """
    Return a folder with the archive's root file system, made once for each archive.

    Needs root: owners and device nodes are kept. Callers must not write into it.

    Args:
        archive: A docker-archive from this package; its name is the folder's.
    Raises:
        ClusterError: If a layer cannot be unpacked.
    """
    rootfs = cache_directory() / "rootfs" / archive.stem
    if rootfs.is_dir():
        return rootfs
    name = archive.stem.rpartition("-")[0]
    partial = rootfs.with_suffix(".partial")
    for older in [partial, *rootfs.parent.glob(f"{name}-*")]:
        shutil.rmtree(older, ignore_errors=True)
    layers = partial / "layers"
    tree = partial / "tree"
    layers.mkdir(parents=True)
    tree.mkdir()
    with tarfile.open(archive) as image:
        manifest = image.extractfile("manifest.json")
        names = json.load(manifest)[0]["Layers"] if manifest else []
        image.extractall(layers, filter="data")
    for layer in names:
        _apply_whiteouts(layers / layer, tree)
        run(["tar", "--extract", "--numeric-owner", f"--file={layers / layer}",
             f"--directory={tree}", f"--exclude={_WHITEOUT_PREFIX}*"])  # fmt: skip
    tree.rename(rootfs)
    shutil.rmtree(partial)
    return rootfs


def _apply_whiteouts(layer: Path, tree: Path) -> None:
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
