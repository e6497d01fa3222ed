"""Where the demo's first session is found: `.demo/env` for shells, `Demo` for Python."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import ClusterHandle, environment_lines
from dev.tools.files import give_to_caller, write_private
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

    def save(self, handle: ClusterHandle) -> None:
        """
        Write `.demo/env`, readable by its owner only: it has the ticket.

        kubectl and helm are put into PATH, since the local cluster's are nowhere else.
        """
        values = {
            "VIEWER_URL": self.viewer_url,
            "WHEP_URL": self.whep_url,
            "TOKEN": self.token,
        }
        lines = environment_lines(handle)
        lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        write_private(_FILE, "\n".join(lines) + "\n")
        give_to_caller(_FILE)


def forget() -> None:
    """Remove `.demo/env`."""
    _FILE.unlink(missing_ok=True)
