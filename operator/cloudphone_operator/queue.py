"""
The queue of sessions to reconcile, after client-go's work queue.

A key is in it at most once; it is given to one worker at a time; what is added while it is being
worked on is given again afterwards. So no event is lost and no session is reconciled twice at once.
"""

import asyncio
from collections import OrderedDict

from cloudphone_operator.model.session import SessionKey

_BACKOFF_S = 0.25
_BACKOFF_MAX_S = 300.0


class KeyedQueue:
    """Keys that wait, that are worked on, and that are due later."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[SessionKey, None] = OrderedDict()
        self._working: dict[SessionKey, float] = {}
        self._again: set[SessionKey] = set()
        self._timers: dict[SessionKey, asyncio.TimerHandle] = {}
        self._failures: dict[SessionKey, int] = {}
        self._wakeups: asyncio.Semaphore = asyncio.Semaphore(0)

    def __len__(self) -> int:
        """How many keys wait now."""
        return len(self._waiting)

    def add(self, key: SessionKey) -> None:
        """Reconcile this session as soon as a worker is free."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = None
            self._wakeups.release()

    def add_after(self, key: SessionKey, delay_s: float) -> None:
        """Reconcile this session once `delay_s` have passed; an earlier time that is set stays."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + delay_s:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(delay_s, self._fire, key)

    def retry(self, key: SessionKey) -> float:
        """
        Reconcile this session again after a failure, each time after twice the pause.

        Returns:
            The pause in seconds.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay_s = min(_BACKOFF_S * 2.0 ** min(failures, 32), _BACKOFF_MAX_S)
        self.add_after(key, delay_s)
        return delay_s

    def succeed(self, key: SessionKey) -> None:
        """Forget former failures of this session."""
        self._failures.pop(key, None)

    def forget(self, key: SessionKey) -> None:
        """Drop what is remembered of a session that is gone."""
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def get(self) -> SessionKey:
        """Wait for a key and take it; the caller says `done` afterwards."""
        await self._wakeups.acquire()
        key, _ = self._waiting.popitem(last=False)
        self._working[key] = asyncio.get_running_loop().time()
        # What was due later is being done now; the reconcile says anew when it is due next.
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        return key

    def done(self, key: SessionKey) -> None:
        """The key taken by `get` has been worked on."""
        del self._working[key]
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def longest_work_s(self) -> float:
        """For how long the slowest of the current reconciles has been running."""
        now_s = asyncio.get_running_loop().time()
        return max((now_s - since_s for since_s in self._working.values()), default=0.0)

    def _fire(self, key: SessionKey) -> None:
        del self._timers[key]
        self.add(key)
