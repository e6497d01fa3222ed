"""
When a request for a key picture becomes a reset of the phone's encoder; pure.

A reset interrupts the picture for everybody by 150-500 ms on real phones. So there is at most one
in an interval; a request that comes sooner waits for the interval's end, and is dropped if a key
picture comes by itself meanwhile.
"""

RESET_INTERVAL_S = 2.0


class KeyFrameRequests:
    """Requests of one capture; times are of any monotonic clock."""

    def __init__(self) -> None:
        self._last_reset_s = float("-inf")
        self._wanted = False

    def request(self) -> None:
        """Somebody needs a key picture."""
        self._wanted = True

    def on_key_frame(self) -> None:
        """A key picture came, whatever made it."""
        self._wanted = False

    def seconds_to_reset(self, now_s: float) -> float | None:
        """How long until a reset is due, 0 for now; none if nobody waits for one."""
        if not self._wanted:
            return None
        return max(0.0, self._last_reset_s + RESET_INTERVAL_S - now_s)

    def on_reset(self, now_s: float) -> None:
        """The encoder was reset."""
        self._last_reset_s = now_s
        self._wanted = False
