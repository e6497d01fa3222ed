"""
The two ways to build an image: a Docker engine that answers, or buildah on Linux as root.

Both take a standard Dockerfile with `ARG BASE` and two optional build secrets: `ca`, the machine's
certificate authorities, and `pip`, its pip configuration (see `build_secrets`).
"""

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path

from dev.cluster.provider import docker_answers
from dev.images.base import BASE_REFERENCE, bootstrap_base, definition_hash
from dev.images.definitions import Image
from dev.images.errors import ImageError
from dev.images.store import cache_directory
from dev.tools.command import run
from dev.tools.debian import ensure_programs
from dev.tools.errors import DevError
from dev.tools.paths import CHECKOUT, RUNTIME
from dev.tools.progress import Progress

_DOCKER_BASE = "python:3.13-slim-trixie"
_BUILD_TIMEOUT_S = 1200
_MAX_LAYERS = 100
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")


class Engine(ABC):
    """What the builder needs of a container engine."""

    @abstractmethod
    def base_id(self) -> str:
        """Return what identifies the base image; it goes into every other image's hash."""

    @abstractmethod
    def ensure_base(self, progress: Progress) -> str:
        """Make the base image if the engine does not hold it; return its reference."""

    @abstractmethod
    def build(self, image: Image, base: str) -> None:
        """Build an image from its Dockerfile, with the checkout as the context."""

    @abstractmethod
    def save(self, image: Image, archive: Path) -> None:
        """Write a built image as a docker-archive."""


class DockerEngine(Engine):
    """A Docker engine; the base is the official slim Python image."""

    def base_id(self) -> str:
        return _DOCKER_BASE

    def ensure_base(self, progress: Progress) -> str:  # noqa: ARG002 - docker pulls it in `build`
        return _DOCKER_BASE

    def build(self, image: Image, base: str) -> None:
        run(
            ["docker", "build", *_build_arguments(image, base), CHECKOUT],
            environment={"DOCKER_BUILDKIT": "1"},
            timeout_s=_BUILD_TIMEOUT_S,
        )

    def save(self, image: Image, archive: Path) -> None:
        run(["docker", "save", "--output", archive, image.reference])


class BuildahEngine(Engine):
    """
    buildah with a storage of its own, so that the system's images stay as they are.

    The base is bootstrapped from the machine's Debian mirror: no registry is needed. RUN steps are
    isolated by chroot only, which works inside containers and small virtual machines too.
    """

    def __init__(self) -> None:
        self._environment = {
            "BUILDAH_ISOLATION": "chroot",
            "STORAGE_DRIVER": os.environ.get("STORAGE_DRIVER", "overlay"),
        }

    def base_id(self) -> str:
        return definition_hash()

    def ensure_base(self, progress: Progress) -> str:
        try:
            held = self._buildah(
                "inspect", "--type", "image", "--format", '{{index .OCIv1.Config.Labels "inputs"}}',
                BASE_REFERENCE,
            )  # fmt: skip
        except DevError:
            held = ""
        if held.strip() != definition_hash():
            self._bootstrap(progress)
        return BASE_REFERENCE

    def build(self, image: Image, base: str) -> None:
        # Layers make a rebuild after a change of code fast: the installed packages stay.
        self._buildah(
            "bud", "--pull-never", "--layers", *_build_arguments(image, base), str(CHECKOUT)
        )
        self._limit_layers()

    def save(self, image: Image, archive: Path) -> None:
        self._buildah("push", image.reference, f"docker-archive:{archive}:{image.reference}")

    def _bootstrap(self, progress: Progress) -> None:
        container = self._buildah("from", "scratch").strip()
        try:
            bootstrap_base(Path(self._buildah("mount", container).strip()), progress)
            self._buildah(
                "config",
                "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "--env", "LANG=C.UTF-8",
                "--label", f"inputs={definition_hash()}",
                "--cmd", "python3",
                container,
            )  # fmt: skip
            self._buildah("commit", container, BASE_REFERENCE)
        finally:
            self._buildah("rm", container)

    def _limit_layers(self) -> None:
        """Keep the storage from growing with every build; the next ones start from the base."""
        if len(self._buildah("images", "--all", "--quiet").split()) > _MAX_LAYERS:
            # What a killed build left would keep its layers.
            self._buildah("rm", "--all")
            self._buildah("rmi", "--prune", "--force")

    def _buildah(self, *arguments: str) -> str:
        return run(
            ["buildah", "--root", _storage(), "--runroot", _runroot(), *arguments],
            environment=self._environment,
            timeout_s=_BUILD_TIMEOUT_S,
        )


def find_engine(progress: Progress) -> Engine:
    """
    Choose a Docker engine that answers, else buildah, which is installed where it is missing.

    Raises:
        DevError: If the machine can have neither, with what to install.
    """
    if docker_answers():
        return DockerEngine()
    if os.geteuid() != 0:
        raise ImageError("no Docker engine answers, and buildah needs root; run as root")
    ensure_programs({"buildah": "buildah", "debootstrap": "debootstrap"}, progress)
    return BuildahEngine()


def build_secrets() -> dict[str, Path]:
    """
    Return the files that RUN steps may mount to install packages the way this machine does.

    They are build secrets, not build arguments: an index URL can hold a password, and neither file
    may stay in a layer.
    """
    environment = os.environ
    candidates = {
        "ca": [environment.get("SSL_CERT_FILE")],
        "pip": [
            environment.get("PIP_CONFIG_FILE"),
            str(Path.home() / ".config/pip/pip.conf"),
            "/etc/pip.conf",
        ],
    }
    found: dict[str, Path] = {}
    for secret, paths in candidates.items():
        existing = [Path(path) for path in paths if path and Path(path).is_file()]
        if existing:
            found[secret] = existing[0]
    return found


def _build_arguments(image: Image, base: str) -> list[str]:
    arguments = ["--build-arg", f"BASE={base}", "--file", str(image.dockerfile)]
    for variable in _PROXY_VARIABLES:
        value = os.environ.get(variable) or os.environ.get(variable.upper())
        if value:
            arguments += ["--build-arg", f"{variable}={value}"]
    for secret, path in build_secrets().items():
        arguments += ["--secret", f"id={secret},src={path}"]
    return [*arguments, "--tag", image.reference]


def remove_storage() -> None:
    """Remove every image that buildah holds for this repository."""
    for folder in (_storage(), _runroot()):
        shutil.rmtree(folder, ignore_errors=True)


def _storage() -> Path:
    return cache_directory() / "storage"


def _runroot() -> Path:
    """Return where buildah notes what it has mounted: one folder for each storage."""
    key = hashlib.sha256(str(_storage()).encode()).hexdigest()[:8]
    return RUNTIME / f"buildah-{key}"
