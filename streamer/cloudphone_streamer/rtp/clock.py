"""
The one media clock of a source: capture time to RTP time, and RTP time to NTP.

It runs on when a capture ends and another begins with a clock of its own.
"""

import secrets

VIDEO_CLOCK_HZ = 90_000

_NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 868)."""

_LEAST_STEP_TICKS = VIDEO_CLOCK_HZ // 1000
"""Between the last picture of one source and the first of the next."""


class MediaClock:
    """Maps a source's time to RTP time; monotonic across sources, not yet cut to 32 bits."""

    def __init__(self) -> None:
        # RFC 3550 - 5.1: the first time stamp should be random.
        self._latest_ticks = secrets.randbits(31)
        self._latest_pts_us: int | None = None
        self._latest_at_s: float | None = None

    def reset(self) -> None:
        """Expect another source, whose clock has nothing to do with the present one's."""
        self._latest_pts_us = None

    def ticks_of(self, pts_us: int, now_s: float) -> int:
        """
        RTP time of a picture.

        A picture that is not later than the one before belongs to another source, told or not:
        it continues by the time that has passed here.

        Args:
            pts_us: Capture time.
            now_s: Monotonic time at which the picture arrived.
        """
        if self._latest_pts_us is not None and pts_us > self._latest_pts_us:
            step = _ticks(pts_us) - _ticks(self._latest_pts_us)
        elif self._latest_at_s is not None:
            step = int((now_s - self._latest_at_s) * VIDEO_CLOCK_HZ)
        else:
            step = 0
        self._latest_ticks += max(step, _LEAST_STEP_TICKS)
        self._latest_pts_us = pts_us
        self._latest_at_s = now_s
        return self._latest_ticks

    def ticks_at(self, now_s: float) -> int:
        """RTP time of this moment, for a sender report; monotonic time in."""
        if self._latest_at_s is None:
            return self._latest_ticks
        return self._latest_ticks + int((now_s - self._latest_at_s) * VIDEO_CLOCK_HZ)


def _ticks(pts_us: int) -> int:
    return pts_us * (VIDEO_CLOCK_HZ // 1000) // 1000


def ntp_of(unix_s: float) -> int:
    """Unix time as a 64-bit NTP time stamp, 32.32 fixed point (RFC 3550 - 4)."""
    return int((unix_s + _NTP_EPOCH_OFFSET_S) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def compact_ntp(ntp: int) -> int:
    """The middle 32 bits of an NTP time stamp, in units of 1/65536 s (RFC 3550 - 4)."""
    return ntp >> 16 & 0xFFFF_FFFF
