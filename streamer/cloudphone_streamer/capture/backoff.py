"""How long to wait before the next attempt; pure."""

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0


class Backoff:
    """Delays that double from `FIRST_DELAY_S` to `LONGEST_DELAY_S`."""

    def __init__(self) -> None:
        self._next_s = FIRST_DELAY_S

    def next_delay_s(self) -> float:
        """Seconds to wait after one more failure."""
        delay_s = self._next_s
        self._next_s = min(2 * delay_s, LONGEST_DELAY_S)
        return delay_s

    @property
    def is_exhausted(self) -> bool:
        """Whether the delays grow no more: what fails for that long may need a person."""
        return self._next_s >= LONGEST_DELAY_S

    def reset(self) -> None:
        """It has worked: the next failure is a new one."""
        self._next_s = FIRST_DELAY_S
