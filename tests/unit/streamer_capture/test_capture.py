"""What all captures share: waiting, resetting, reporting, and the choice of one."""

from pathlib import Path

import pytest

from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import (
    Capture,
    CaptureMode,
    Device,
    SessionDocument,
    SessionRef,
)
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.capture.backoff import Backoff
from cloudphone_streamer.capture.errors import CaptureFailure
from cloudphone_streamer.capture.factory import make_capture
from cloudphone_streamer.capture.key_frames import KeyFrameRequests
from cloudphone_streamer.capture.reporter import Reporter
from cloudphone_streamer.capture.scrcpy.capture import ScrcpyCapture
from cloudphone_streamer.capture.testpattern.capture import PatternCapture
from cloudphone_streamer.capture.unavailable import UnavailableCapture

PASSING = CaptureFailure("DeviceUnreachable", "it is away", needs_person=False)
LASTING = CaptureFailure("AdbUnauthorized", "it refuses", needs_person=True)


class Sink:
    def __init__(self) -> None:
        self.reports: list[tuple[CaptureState, str]] = []

    def on_access_unit(self, unit: AccessUnit) -> None:
        raise AssertionError(unit)

    def on_capture_report(self, report: CaptureReport) -> None:
        self.reports.append((report.state, report.reason))


def test_delays_double_to_five_seconds() -> None:
    backoff = Backoff()
    delays = [backoff.next_delay_s() for _ in range(7)]
    assert delays == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_delays_begin_anew_after_success() -> None:
    backoff = Backoff()
    exhausted = []
    for _ in range(6):
        backoff.next_delay_s()
        exhausted.append(backoff.is_exhausted)
    assert exhausted == [False, False, False, False, True, True]
    backoff.reset()
    assert not backoff.is_exhausted
    assert backoff.next_delay_s() == 0.2


def test_the_first_request_for_a_key_picture_is_due_at_once() -> None:
    requests = KeyFrameRequests()
    assert requests.seconds_to_reset(100.0) is None
    requests.request()
    assert requests.seconds_to_reset(100.0) == 0


def test_requests_within_two_seconds_of_a_reset_wait_for_the_interval_to_end() -> None:
    requests = KeyFrameRequests()
    requests.request()
    requests.on_reset(100.0)
    assert requests.seconds_to_reset(100.5) is None
    requests.request()
    assert requests.seconds_to_reset(100.5) == 1.5
    assert requests.seconds_to_reset(102.0) == 0


def test_a_key_picture_that_comes_meanwhile_serves_who_waits() -> None:
    requests = KeyFrameRequests()
    requests.on_reset(100.0)
    requests.request()
    requests.on_key_frame()
    assert requests.seconds_to_reset(102.0) is None


def test_reports_tell_changes_once() -> None:
    sink = Sink()
    reporter = Reporter(sink, CaptureMode.SCRCPY)
    reporter.starting("x")
    reporter.failed(PASSING, lasting=False)
    reporter.failed(PASSING, lasting=False)
    reporter.failed(PASSING, lasting=True)
    reporter.running(720, 1280)
    reporter.running(720, 1280)
    reporter.running(1280, 720)
    reporter.failed(PASSING, lasting=False)
    reporter.failed(LASTING, lasting=False)
    assert sink.reports == [
        (CaptureState.STARTING, "Connecting"),
        (CaptureState.STARTING, "DeviceUnreachable"),
        (CaptureState.FAILED, "DeviceUnreachable"),
        (CaptureState.RUNNING, "Capturing"),
        (CaptureState.RUNNING, "Capturing"),
        (CaptureState.RECONNECTING, "DeviceUnreachable"),
        (CaptureState.FAILED, "AdbUnauthorized"),
    ]


@pytest.mark.parametrize(
    ("mode", "has_device", "kind"),
    [
        (CaptureMode.AUTO, True, ScrcpyCapture),
        (CaptureMode.SCRCPY, True, ScrcpyCapture),
        (CaptureMode.TEST_PATTERN, False, PatternCapture),
        (CaptureMode.TEST_PATTERN, True, PatternCapture),
        (CaptureMode.SCREENRECORD, True, UnavailableCapture),
        (CaptureMode.SCREENCAP, True, UnavailableCapture),
        (CaptureMode.AUTO, False, UnavailableCapture),
    ],
)
def test_the_document_chooses_the_capture(
    mode: CaptureMode, has_device: bool, kind: type[Exception]
) -> None:
    document = SessionDocument(
        session=SessionRef(namespace="phones", name="phone-1", uid="u"),
        device=Device(address="10.0.0.7:5555") if has_device else None,
        capture=Capture(mode=mode),
    )
    capture = make_capture(
        document,
        scrcpy_server_path=Path("/nowhere"),
        connect_timeout_s=1,
        command_timeout_s=1,
        adb_key=None,
    )
    assert isinstance(capture, kind)
    assert capture.dropped_events == 0
