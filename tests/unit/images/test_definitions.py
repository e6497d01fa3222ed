"""The image builder's pure part: what goes into an image, and how an archive becomes folders."""

import io
import tarfile
from pathlib import Path

import pytest

from dev.images.definitions import IMAGES, copied_paths
from dev.images.unpack import apply_whiteouts

DOCKERFILE = r"""
ARG BASE
FROM ${BASE} AS build
# COPY commented out
COPY requirements/a.txt requirements/b.txt requirements/
RUN --mount=type=secret,id=ca \
    echo COPY none
copy --chown=1:1 protocol/ \
     operator/ \
     ./
FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
ADD dev/phone /opt/dev/phone
"""


def test_an_images_inputs_are_what_its_dockerfile_copies() -> None:
    assert copied_paths(DOCKERFILE) == [
        "requirements/a.txt",
        "requirements/b.txt",
        "protocol/",
        "operator/",
        "dev/phone",
    ]


@pytest.mark.parametrize("name", IMAGES)
def test_every_image_has_a_dockerfile_and_the_inputs_that_it_names(name: str) -> None:
    dockerfile = IMAGES[name].dockerfile
    paths = copied_paths(dockerfile.read_text(encoding="utf-8"))
    root = Path(__file__).resolve().parents[3]
    assert paths
    assert [path for path in paths if not (root / path).exists()] == []


def test_a_layer_removes_what_it_says(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("kept/file", "gone/file", "emptied/old", "single"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        for name in (".wh.gone", ".wh.single", "emptied/.wh..wh..opq", "kept/new"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    apply_whiteouts(layer, tree)
    left = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    assert left == ["emptied", "kept", "kept/file"]
