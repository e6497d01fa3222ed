"""
Finds the Debian mirror that this machine's apt uses, so that no mirror is named in the project.

debootstrap gets it, and with it every later `apt-get` in a build.
"""

import urllib.error
import urllib.request

from dev.images.errors import ImageError
from dev.tools.command import run

_PROBE_TIMEOUT_S = 10


def debian_mirror(suite: str) -> str:
    """
    Return the first repository of apt's configuration that has a Debian suite.

    Args:
        suite: A Debian release, such as `trixie`.
    Raises:
        ImageError: If apt is not set up for a Debian mirror that answers.
    """
    output = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
    )
    candidates = list(dict.fromkeys(line.strip() for line in output.splitlines() if line.strip()))
    for uri in candidates:
        if _has_suite(uri, suite):
            return uri
    raise ImageError(
        f"no repository in apt's configuration has Debian {suite} "
        f"({len(candidates)} looked at); add a Debian mirror to apt's sources, or use Docker"
    )


def _has_suite(uri: str, suite: str) -> bool:
    url = f"{uri.rstrip('/')}/dists/{suite}/InRelease"
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_TIMEOUT_S) as response:
            head = response.read(2048).decode("utf-8", "replace")
    except (OSError, urllib.error.URLError, ValueError):
        return False
    return "Origin: Debian\n" in head
