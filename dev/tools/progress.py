"""Progress lines with elapsed time, for every step that a person waits for."""

import sys
import time


class Progress:
    """
    Prints `[ 12.3 s] message` to standard error, counted from its creation.

    Standard output stays free for what other programs read (`env`).
    """

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def __call__(self, message: str) -> None:
        elapsed_s = time.monotonic() - self._started_s
        print(f"[{elapsed_s:6.1f} s] {message}", file=sys.stderr, flush=True)
