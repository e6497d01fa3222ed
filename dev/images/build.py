"""Builds what is not built yet, and says where the archives are."""

from collections.abc import Sequence
from pathlib import Path

from dev.images.definitions import IMAGES, Image, inputs_hash
from dev.images.engine import Engine, find_engine
from dev.images.errors import ImageError
from dev.images.store import archive_path, build_lock, finish_archive, require_archive
from dev.tools.progress import Progress

BASE = "base"


def build(names: Sequence[str], progress: Progress) -> list[Path]:
    """
    Build the named images whose inputs have changed.

    Args:
        names: Image names, or `base`; none means all images.
        progress: Gets a line for each image that is built.
    Returns:
        The images' docker-archives, in the order asked for; the base has none.
    Raises:
        DevError: If a name is unknown, no engine is there, or a build fails.
    """
    images = _images(names)
    engine = find_engine(progress)
    if BASE in names:
        with build_lock(progress):
            engine.ensure_base(progress)
    return [_build_one(image, engine, progress) for image in images]


def built_archives(names: Sequence[str], progress: Progress) -> list[Path]:
    """
    Return the archives of images that are built and up to date.

    Raises:
        DevError: If one is not.
    """
    engine = find_engine(progress)
    return [require_archive(image.name, _archive_of(image, engine)) for image in _images(names)]


def _images(names: Sequence[str]) -> list[Image]:
    unknown = [name for name in names if name != BASE and name not in IMAGES]
    if unknown:
        raise ImageError(f"image is {unknown[0]}; expected {BASE}, {', '.join(IMAGES)}")
    return [IMAGES[name] for name in names if name != BASE] if names else list(IMAGES.values())


def _build_one(image: Image, engine: Engine, progress: Progress) -> Path:
    if _archive_of(image, engine).is_file():
        return _archive_of(image, engine)
    with build_lock(progress):
        return _build_locked(image, engine, progress)


def _archive_of(image: Image, engine: Engine) -> Path:
    """Return the path of the archive that the image's inputs of this moment have."""
    return archive_path(image.name, inputs_hash(image, engine.base_id()))


def _build_locked(image: Image, engine: Engine, progress: Progress) -> Path:
    archive = _archive_of(image, engine)
    if archive.is_file():
        # Another process has built it meanwhile.
        return archive
    base = engine.ensure_base(progress)
    progress(f"building image {image.name}")
    engine.build(image, base)
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    progress(f"saving image {image.name}")
    engine.save(image, partial)
    finish_archive(partial, archive)
    progress(f"image {image.name} is {archive.stat().st_size / 1e6:.0f} MB")
    return archive
