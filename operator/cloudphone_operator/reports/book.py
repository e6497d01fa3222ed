"""
The latest report of each streamer pod. Pure: times come from the caller.

It is kept in memory only. After a change of leaders it fills again within one heartbeat.
"""

from datetime import datetime
from enum import StrEnum

from cloudphone_operator.model.cluster import ReceivedReport
from cloudphone_protocol.reports import Report

_PODS_PER_SESSION_MAX = 4


class Taken(StrEnum):
    """What a report was."""

    CHANGED = "Changed"
    """It says something new."""
    HEARTBEAT = "Heartbeat"
    """It says what the former one said."""
    LATE = "Late"
    """A newer one of the same pod is there already; nothing was changed."""


class ReportBook:
    """
    Latest report by session and pod.

    A session has reports of two pods while one takes over from the other, and their clocks need not
    agree; so order counts within a pod only.
    """

    def __init__(self) -> None:
        self._reports: dict[tuple[str, str], dict[str, ReceivedReport]] = {}

    def take(self, namespace: str, name: str, report: Report, *, now: datetime) -> Taken:
        """
        Remember a report unless a newer one of its pod is there.

        Args:
            namespace: Namespace of the session.
            name: Name of the session.
            report: What the streamer said.
            now: When it was heard.
        """
        of_session = self._reports.setdefault((namespace, name), {})
        former = of_session.get(report.pod_name)
        if former is not None and _order(report) <= _order(former.report):
            return Taken.LATE
        # Taken out and put in: the pod heard longest ago comes first.
        of_session.pop(report.pod_name, None)
        of_session[report.pod_name] = ReceivedReport(report=report, received_at=now)
        if len(of_session) > _PODS_PER_SESSION_MAX:
            del of_session[next(iter(of_session))]
        if former is not None and _content(report) == _content(former.report):
            return Taken.HEARTBEAT
        return Taken.CHANGED

    def latest(self, namespace: str, name: str, pod_name: str) -> ReceivedReport | None:
        """What the streamer in one pod of a session said last; None before it has said anything."""
        return self._reports.get((namespace, name), {}).get(pod_name)

    def forget(self, namespace: str, name: str) -> None:
        """Drop the reports of a session that is gone."""
        self._reports.pop((namespace, name), None)


def _order(report: Report) -> tuple[int, int]:
    return report.started_at_ms, report.sequence


def _content(report: Report) -> Report:
    return report.model_copy(update={"sequence": 0})
