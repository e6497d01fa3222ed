"""What the two Dockerfiles promise, and where they must agree with the code that they ship."""

from pathlib import Path

import pytest

from cloudphone_streamer.capture.scrcpy import jar
from cloudphone_streamer.settings import Settings
from dev import fetch_scrcpy_server

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILES = {
    name: (ROOT / f"Dockerfile.{name}").read_text(encoding="utf-8")
    for name in ("operator", "streamer")
}


def _last_stage(dockerfile: str) -> list[str]:
    lines = dockerfile.splitlines()
    start = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    return lines[start:]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_stage_is_on_the_base_that_the_builder_chooses(name: str) -> None:
    bases = [line for line in DOCKERFILES[name].splitlines() if line.startswith("FROM ")]
    assert bases == ["FROM ${BASE} AS build", "FROM ${BASE}"]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_image_runs_as_a_number_that_is_not_root(name: str) -> None:
    [user] = [line for line in _last_stage(DOCKERFILES[name]) if line.startswith("USER ")]
    assert all(int(part) > 0 for part in user.removeprefix("USER ").split(":"))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_nothing_is_installed_without_its_hash(name: str) -> None:
    text = DOCKERFILES[name].replace("\\\n", " ")
    installs = [part for part in text.split("&&") if "install " in part and "pip" in part]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps" in install


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_last_stage_only_copies_what_was_built(name: str) -> None:
    copies = [line for line in _last_stage(DOCKERFILES[name]) if line.startswith("COPY ")]
    assert copies
    assert all(line.startswith("COPY --from=build ") for line in copies)


def test_the_fetched_scrcpy_server_is_the_one_that_the_streamer_takes() -> None:
    assert fetch_scrcpy_server.SHA256 == jar.SHA256
    where = str(Settings.model_fields["scrcpy_server_path"].default)
    assert f"dev/fetch_scrcpy_server.py {where}" in DOCKERFILES["streamer"]
