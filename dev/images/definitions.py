"""
What the images are, and the hash of everything that goes into one.

An image's inputs are its Dockerfile and the files that its COPY lines name: there is no second
list to keep in step with the Dockerfile.
"""

import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.images.errors import ImageError
from dev.tools.paths import CHECKOUT

_IGNORED_DIRECTORIES = frozenset({"__pycache__", "node_modules", ".git"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image that a Dockerfile of this repository builds, on a base given as `ARG BASE`."""

    name: str
    dockerfile: Path

    @property
    def reference(self) -> str:
        """The name that pods use; nothing is ever pulled or pushed under it."""
        return f"localhost/cloudphone/{self.name}:dev"


IMAGES = {
    image.name: image
    for image in (
        Image(name="operator", dockerfile=CHECKOUT / "Dockerfile.operator"),
        Image(name="streamer", dockerfile=CHECKOUT / "Dockerfile.streamer"),
        Image(name="phone", dockerfile=CHECKOUT / "dev/phone/Dockerfile"),
    )
}


def copied_paths(dockerfile_text: str) -> list[str]:
    """
    List the context paths that a Dockerfile's COPY and ADD lines name, in their order.

    Copies between stages (`--from=`) are left out: their source is in the same file.
    """
    paths: list[str] = []
    for line in dockerfile_text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0].upper() not in {"COPY", "ADD"}:
            continue
        if any(word.startswith("--from=") for word in words):
            continue
        paths += [word for word in words[1:-1] if not word.startswith("--")]
    return paths


def inputs_hash(image: Image, base_id: str) -> str:
    """
    Hash an image's base, its Dockerfile and the names, modes and contents of all it copies.

    Args:
        image: The image.
        base_id: What identifies the base image.
    Returns:
        16 hexadecimal digits.
    Raises:
        ImageError: If the Dockerfile or a path that it copies does not exist.
    """
    if not image.dockerfile.is_file():
        raise ImageError(f"{image.dockerfile} is missing; image {image.name} cannot be built")
    text = image.dockerfile.read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{base_id}\n{text}".encode())
    for name in copied_paths(text):
        matches = sorted(CHECKOUT.glob(name.removeprefix("./").rstrip("/")))
        if not matches:
            raise ImageError(f"{image.dockerfile.name} copies {name}; no such file in the checkout")
        for path in (file for match in matches for file in _files_below(match)):
            digest.update(f"{path.relative_to(CHECKOUT)} {path.stat().st_mode:o}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for child in sorted(path.iterdir()):
        if child.name not in _IGNORED_DIRECTORIES:
            yield from _files_below(child)
