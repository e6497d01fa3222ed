from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from cloudphone_operator.kube.errors import NotFound
from cloudphone_operator.reports.book import ReportBook, Taken
from cloudphone_operator.reports.endpoint import to_endpoint_slice, to_reports_url
from cloudphone_protocol.reports import CaptureReport, CaptureState, EncoderReport, Report
from cloudphone_protocol.session import CaptureMode, Encoder

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=10)


def report(
    sequence: int, *, started_at_ms: int = 1, pod: str = "phone-1-1", viewers: int = 0
) -> Report:
    return Report(
        session_uid="uid",
        pod_name=pod,
        sequence=sequence,
        started_at_ms=started_at_ms,
        document_version="0" * 16,
        capture=CaptureReport(
            state=CaptureState.RUNNING, mode=CaptureMode.SCRCPY, reason="Running", message="ok"
        ),
        encoder=EncoderReport(
            requested=Encoder.PASSTHROUGH, effective=Encoder.PASSTHROUGH, reason="Requested"
        ),
        viewers=viewers,
    )


def take(book: ReportBook, said: Report, now: datetime = NOW) -> Taken:
    return book.take("phones", "phone-1", said, now=now)


def test_the_first_report_and_every_change_are_news() -> None:
    book = ReportBook()
    assert take(book, report(0)) is Taken.CHANGED
    assert take(book, report(1)) is Taken.HEARTBEAT
    assert take(book, report(2, viewers=1)) is Taken.CHANGED


def test_a_heartbeat_moves_the_time_it_was_heard() -> None:
    book = ReportBook()
    take(book, report(0))
    take(book, report(1), LATER)
    latest = book.latest("phones", "phone-1", "phone-1-1")
    assert latest is not None
    assert latest.received_at == LATER


def test_a_late_or_repeated_report_changes_nothing() -> None:
    book = ReportBook()
    take(book, report(5, viewers=2))
    assert take(book, report(4, viewers=1), LATER) is Taken.LATE
    assert take(book, report(5, viewers=1), LATER) is Taken.LATE
    latest = book.latest("phones", "phone-1", "phone-1-1")
    assert latest is not None
    assert (latest.report.viewers, latest.received_at) == (2, NOW)


def test_a_restarted_process_begins_anew() -> None:
    book = ReportBook()
    take(book, report(900, started_at_ms=1))
    assert take(book, report(0, started_at_ms=2)) is Taken.CHANGED
    assert take(book, report(901, started_at_ms=1)) is Taken.LATE


def test_two_pods_of_a_session_are_told_apart_whatever_their_clocks() -> None:
    book = ReportBook()
    take(book, report(7, started_at_ms=9_000, pod="phone-1-1", viewers=3))
    assert take(book, report(0, started_at_ms=1_000, pod="phone-1-2")) is Taken.CHANGED
    first = book.latest("phones", "phone-1", "phone-1-1")
    second = book.latest("phones", "phone-1", "phone-1-2")
    assert first is not None
    assert second is not None
    assert (first.report.viewers, second.report.viewers) == (3, 0)


def test_the_pods_heard_longest_ago_are_forgotten() -> None:
    book = ReportBook()
    for attempt in range(1, 6):
        take(book, report(0, pod=f"phone-1-{attempt}"))
        take(book, report(attempt, pod="phone-1-1"))
    assert book.latest("phones", "phone-1", "phone-1-2") is None
    assert book.latest("phones", "phone-1", "phone-1-1") is not None
    book.forget("phones", "phone-1")
    book.forget("phones", "phone-1")
    assert book.latest("phones", "phone-1", "phone-1-1") is None


def service(cluster_ip: str | None) -> dict[str, Any]:
    return {
        "metadata": {"name": "reports", "namespace": "system", "uid": "s-uid"},
        "spec": {"clusterIP": cluster_ip, "ports": [{"name": "reports", "port": 8081}]},
    }


@pytest.mark.parametrize(
    ("cluster_ip", "url"),
    [("198.19.0.7", "http://198.19.0.7:8081"), ("fd00::7", "http://[fd00::7]:8081")],
)
def test_streamers_are_given_an_address_and_no_name(cluster_ip: str, url: str) -> None:
    assert to_reports_url(service(cluster_ip)) == url


@pytest.mark.parametrize("cluster_ip", [None, "", "None"])
def test_a_service_without_address_is_told(cluster_ip: str | None) -> None:
    with pytest.raises(NotFound, match=r"spec\.clusterIP is .*; expected an address"):
        to_reports_url(service(cluster_ip))


def test_the_endpoint_slice_of_the_leader() -> None:
    assert to_endpoint_slice(service("fd00::7"), pod_ip=ip_address("fd00::9"), port=8081) == {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "reports",
            "namespace": "system",
            "labels": {
                "kubernetes.io/service-name": "reports",
                "endpointslice.kubernetes.io/managed-by": "cloudphone-operator",
            },
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Service", "name": "reports", "uid": "s-uid"}
            ],
        },
        "addressType": "IPv6",
        "endpoints": [{"addresses": ["fd00::9"], "conditions": {"ready": True}}],
        "ports": [{"name": "reports", "port": 8081, "protocol": "TCP"}],
    }
