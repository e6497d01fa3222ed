"""
What the local cluster must remember of the machine: whose it is, and what to put back.

Written before anything is changed. Everything else is found by looking at the machine.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dev.tools import files
from dev.tools.errors import DevError


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The content of `owner.json`."""

    checkout: str
    data: str
    """Folder of the big files; another user's `down` would look elsewhere."""
    sysctls: dict[str, str]
    """Kernel settings as they were before."""
    folders: list[str]
    """Which of the folders in `leftovers` were there before."""


def parse(text: str) -> Owner:
    """
    Read `owner.json`.

    Raises:
        DevError: If it is not what `to_json` writes.
    """
    try:
        raw = json.loads(text)
        return Owner(
            checkout=str(raw["checkout"]),
            data=str(raw["data"]),
            sysctls={str(name): str(value) for name, value in raw["sysctls"].items()},
            folders=[str(folder) for folder in raw["folders"]],
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DevError(
            f"the local cluster's owner.json is not readable ({error}); remove it, then run"
            " `python -m dev.cluster down`"
        ) from error


def to_json(owner: Owner) -> str:
    """Return the text of `owner.json`."""
    return json.dumps(asdict(owner), indent=1) + "\n"


def read(path: Path) -> Owner | None:
    """Return the owner, or None where no local cluster was begun."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def write(path: Path, owner: Owner) -> None:
    """Write `owner.json`, whole at any moment."""
    files.write_private(path, to_json(owner))
