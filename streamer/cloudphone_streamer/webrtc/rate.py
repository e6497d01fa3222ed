"""A token bucket. Pure."""


class TokenBucket:
    """
    Lets a burst pass, and then so many a second.

    Args:
        burst: Tokens that it holds at most, and at the start.
        per_s: Tokens that come back each second.
    """

    __slots__ = ("_at_s", "_burst", "_per_s", "_tokens")

    def __init__(self, *, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._tokens = burst
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        """Take one token; False: there is none."""
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
