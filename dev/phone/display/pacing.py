"""Keeps a loop at a frame rate."""

import time


class Pace:
    """
    Waits for the next frame's time.

    Frames that something slow held up are skipped, never made up for in a burst.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps
        self._next_s = time.monotonic()

    def wait(self) -> None:
        """Sleep until one interval after the last frame's time."""
        now_s = time.monotonic()
        self._next_s = max(self._next_s + self._interval_s, now_s - self._interval_s)
        time.sleep(max(self._next_s - now_s, 0))
