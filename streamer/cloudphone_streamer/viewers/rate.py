"""How many messages a viewer may send; pure, the caller brings the clock."""


class TokenBucket:
    """
    Admits `rate_per_s` messages a second on average, and `burst` of them at once.

    Args:
        rate_per_s: Tokens that come back each second.
        burst: Tokens at most, and at the start.
        now_s: Monotonic time of the start.
    """

    def __init__(self, *, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._updated_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one token; False when there is none."""
        self._tokens = min(self._burst, self._tokens + (now_s - self._updated_s) * self._rate_per_s)
        self._updated_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
