"""Frame rate and bit rate of the capture; pure, the caller brings the clock."""

from collections import deque
from dataclasses import dataclass

_WINDOW_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What came in of late."""

    frames_per_s: float
    bytes_per_s: float


class FrameMeter:
    """Counts pictures, and remembers those of the last two seconds."""

    def __init__(self) -> None:
        self.frames_total = 0
        self.bytes_total = 0
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, now_s: float, size_bytes: int) -> None:
        """Count one picture."""
        self.frames_total += 1
        self.bytes_total += size_bytes
        self._recent.append((now_s, size_bytes))
        self._forget(now_s)

    def rates(self, now_s: float) -> Rates:
        """Mean rates over the last two seconds."""
        self._forget(now_s)
        return Rates(
            frames_per_s=len(self._recent) / _WINDOW_S,
            bytes_per_s=sum(size for _, size in self._recent) / _WINDOW_S,
        )

    def _forget(self, now_s: float) -> None:
        while self._recent and self._recent[0][0] <= now_s - _WINDOW_S:
            self._recent.popleft()
