"""Where the development tools keep things: caches, run-time state, and files of this checkout."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
GO_MODULES = CHECKOUT / "dev" / "go"
DEMO = CHECKOUT / ".demo"
KUBECONFIG = DEMO / "kubeconfig"
RUNTIME = Path("/run/cloudphone-streaming")


def cache() -> Path:
    """
    Return the folder for what is costly to make again.

    See the XDG Base Directory Specification: a relative XDG_CACHE_HOME is ignored.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "cloudphone-streaming"
