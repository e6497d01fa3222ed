"""How a development tool ends: a failure is one sentence and a status, never a traceback."""

import sys
from collections.abc import Callable

from dev.tools.errors import DevError

_INTERRUPTED = 130
"""As shells count it: 128 and the number of SIGINT."""


def exit_status(work: Callable[[], int | None]) -> int:
    """
    Run a tool's work and return its exit status.

    Args:
        work: Returns a status of its own, or None for success.
    Returns:
        1 with a sentence on standard error after a `DevError` or an error of the system; 130 after
        Ctrl-C.
    """
    try:
        return work() or 0
    except (DevError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
