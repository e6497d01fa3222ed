"""Log lines as the genuine server prints them: warnings and errors to standard error."""

import sys
from enum import IntEnum


class Level(IntEnum):
    """Log levels in their order."""

    VERBOSE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4


class Log:
    """
    Prints lines at or above a level.

    Options are parsed before a level is known; the genuine server starts with INFO as well.
    """

    level = Level.INFO

    def __call__(self, level: Level, message: str) -> None:
        """Print one line."""
        if level >= self.level:
            stream = sys.stderr if level >= Level.WARN else sys.stdout
            try:
                print(f"[server] {level.name}: {message}", file=stream, flush=True)
            except OSError:
                # The shell that read this log is gone; the server goes on without one.
                self.level = Level(Level.ERROR)


log = Log()
