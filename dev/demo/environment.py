"""
Where the demo's first session is found: `.demo/env` for shells, `Demo` for Python.

`running_demo` lends the demo to a benchmark: brought up if it is not there, and then taken down.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import DevError, Progress
from dev.tools.paths import DEMO

_FILE = DEMO / "env"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The demo's first session."""

    kubeconfig: Path
    namespace: str
    phone: str
    """Name of the phone's pod."""
    page_url: str
    """The viewer page without a ticket."""
    whep_url: str
    token: str
    """A ticket to watch and control the first session."""

    @property
    def viewer_url(self) -> str:
        """The viewer page with the ticket, in the fragment that no server ever sees."""
        return f"{self.page_url}#ticket={self.token}"

    def save(self) -> None:
        """Write `.demo/env`, readable by its owner only: it has the ticket."""
        values = {
            "KUBECONFIG": str(self.kubeconfig),
            "VIEWER_URL": self.viewer_url,
            "WHEP_URL": self.whep_url,
            "TOKEN": self.token,
            "DEMO_NAMESPACE": self.namespace,
            "DEMO_PHONE": self.phone,
        }
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
        _FILE.touch(mode=0o600)
        _FILE.write_text("".join(lines), encoding="utf-8")


def load() -> Demo | None:
    """Read `.demo/env`; None where no demo is up."""
    if not _FILE.is_file():
        return None
    values: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        values[name] = "".join(shlex.split(value))
    try:
        return Demo(
            kubeconfig=Path(values["KUBECONFIG"]),
            namespace=values["DEMO_NAMESPACE"],
            phone=values["DEMO_PHONE"],
            page_url=values["VIEWER_URL"].partition("#")[0],
            whep_url=values["WHEP_URL"],
            token=values["TOKEN"],
        )
    except KeyError as error:
        raise DevError(
            f".demo/env lacks {error.args[0]}; run `make demo-down`, then `make demo`"
        ) from error


def forget() -> None:
    """Remove `.demo/env`."""
    _FILE.unlink(missing_ok=True)


@contextmanager
def running_demo(progress: Progress) -> Iterator[Demo]:
    """The demo, for as long as the block runs; left up where it was up before."""
    from dev.demo import lifecycle  # noqa: PLC0415 - it imports this module

    was_up = load() is not None
    demo = lifecycle.up(progress)
    try:
        yield demo
    finally:
        if not was_up:
            lifecycle.down(progress)
