"""Reads which images an archive holds, to load only what a node does not have."""

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.tools.errors import DevError


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedImage:
    """One named image of an archive; exactly one of the digests is known."""

    name: str
    config_digest: str | None = None
    """docker-archive: digest of the image's configuration, which is its identity in CRI."""
    manifest_digest: str | None = None
    """oci-archive: digest of its manifest or index."""


def images(archive: Path) -> list[ArchivedImage]:
    """
    Read an archive's own table of contents.

    Args:
        archive: file as `docker save` or `buildah push docker-archive:` or `oci-archive:` write it.
    Raises:
        DevError: If it is none of these.
    """
    try:
        with tarfile.open(archive) as opened:
            names = set(opened.getnames())
            for name in ("manifest.json", "index.json"):
                member = opened.extractfile(name) if name in names else None
                if member is not None:
                    content = json.load(member)
                    return from_docker(content) if name == "manifest.json" else from_oci(content)
    except OSError as error:
        raise DevError(f"{archive} cannot be read: {error.strerror}") from error
    except (tarfile.TarError, ValueError, KeyError, TypeError):
        # Said below: these errors tell of their own parts, and not of the file.
        pass
    raise DevError(
        f"{archive} is not an image archive; expected a file of `docker save` or `buildah push`"
    )


def from_docker(manifest: list[dict[str, Any]]) -> list[ArchivedImage]:
    """Read a docker-archive's `manifest.json`."""
    return [
        ArchivedImage(name=name, config_digest=_digest(entry["Config"]))
        for entry in manifest
        for name in entry["RepoTags"] or ()
    ]


def from_oci(index: dict[str, Any]) -> list[ArchivedImage]:
    """Read an oci-archive's `index.json`; see the OCI Image Layout Specification."""
    return [
        ArchivedImage(
            name=entry["annotations"]["org.opencontainers.image.ref.name"],
            manifest_digest=entry["digest"],
        )
        for entry in index["manifests"]
        if "org.opencontainers.image.ref.name" in (entry.get("annotations") or {})
    ]


def parse_listing(listing: str) -> dict[str, str]:
    """Read `ctr images ls`: image name -> manifest digest."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}


def is_present(image: ArchivedImage, listing: Mapping[str, str]) -> bool:
    """
    Tell whether a node has just this image under its name.

    containerd makes a manifest of its own for a docker-archive. The configuration's digest is
    known all the same: CRI lists each image under it as a second name.
    """
    present = listing.get(image.name)
    if present is None:
        return False
    if image.manifest_digest is not None:
        return present == image.manifest_digest
    return present == listing.get(image.config_digest or "")


def _digest(config: str) -> str:
    # `<hex>.json`, or `blobs/sha256/<hex>` since Docker 25.
    return "sha256:" + config.rsplit("/", 1)[-1].removesuffix(".json")
