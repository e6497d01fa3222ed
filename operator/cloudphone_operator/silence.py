"""
Notices streamers that fall silent.

A report counts for a while only, and its end is no event. So sessions whose report counted at their
last reconcile are looked through every few seconds, in memory, and reconciled once it counts no
more; heartbeats cost nothing.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from cloudphone_operator.decide.streamer import REPORT_COUNTS_FOR
from cloudphone_operator.model.cluster import ReceivedReport
from cloudphone_operator.model.session import SessionKey
from cloudphone_operator.observe import LatestReport

_INTERVAL_S = 5.0


class Silence:
    """
    Sessions whose streamer spoke lately.

    Args:
        latest_report: What streamers said last.
        enqueue: Reconciles a session.
    """

    def __init__(self, latest_report: LatestReport, enqueue: Callable[[SessionKey], None]) -> None:
        self._latest_report = latest_report
        self._enqueue = enqueue
        self._pods: dict[SessionKey, str] = {}

    def watch(self, key: SessionKey, received: ReceivedReport | None) -> None:
        """Watch over a session from now on, if its report counts."""
        if received is not None and _counts(received, datetime.now(UTC)):
            self._pods[key] = received.report.pod_name
        else:
            self._pods.pop(key, None)

    def forget(self, key: SessionKey) -> None:
        """Watch over this session no more."""
        self._pods.pop(key, None)

    async def run(self) -> None:
        """Look through the sessions for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            now = datetime.now(UTC)
            for key, pod_name in list(self._pods.items()):
                received = self._latest_report(key.namespace, key.name, pod_name)
                if received is None or not _counts(received, now):
                    del self._pods[key]
                    self._enqueue(key)


def _counts(received: ReceivedReport, now: datetime) -> bool:
    return now - received.received_at <= REPORT_COUNTS_FOR
