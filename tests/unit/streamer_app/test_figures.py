"""Rates, health, reports, metrics: what the streamer says of itself."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import (
    Capture,
    CaptureMode,
    Encoder,
    SessionDocument,
    SessionRef,
    Video,
)
from cloudphone_streamer.health import judge
from cloudphone_streamer.meter import FrameMeter, Rates
from cloudphone_streamer.metrics import Metrics, Snapshot
from cloudphone_streamer.reporting import encoder_report, retry_delay_s

REF = SessionRef(namespace="phones", name="phone-1", uid="u-1")


def test_the_meter_gives_the_rates_of_the_last_two_seconds() -> None:
    meter = FrameMeter()
    for number in range(180):
        meter.add(number / 60, 1000)
    rates = meter.rates(179 / 60)
    assert rates.frames_per_s == pytest.approx(60, abs=0.5)
    assert rates.bytes_per_s == pytest.approx(60_000, abs=500)
    assert meter.frames_total == 180


def test_the_meter_falls_to_zero_when_nothing_comes() -> None:
    meter = FrameMeter()
    meter.add(0, 1000)
    assert meter.rates(10) == Rates(frames_per_s=0, bytes_per_s=0)


@pytest.mark.parametrize("failures", range(1, 40))
@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_pauses_between_reports_stay_within_the_heartbeat(failures: int, jitter: float) -> None:
    assert 0.25 <= retry_delay_s(failures, jitter=jitter) <= 10


def test_pauses_between_reports_grow() -> None:
    assert [retry_delay_s(failures, jitter=1) for failures in (1, 2, 3)] == [0.5, 1, 2]


@pytest.mark.parametrize(
    ("mode", "requested", "effective", "reason"),
    [
        (CaptureMode.AUTO, Encoder.PASSTHROUGH, Encoder.PASSTHROUGH, "AsRequested"),
        (CaptureMode.AUTO, Encoder.NVENC, Encoder.PASSTHROUGH, "EncoderNotAvailable"),
        (CaptureMode.TEST_PATTERN, Encoder.PASSTHROUGH, Encoder.X264, "TestPattern"),
    ],
)
def test_the_encoder_that_runs_is_told(
    mode: CaptureMode, requested: Encoder, effective: Encoder, reason: str
) -> None:
    document = SessionDocument(
        session=REF, capture=Capture(mode=mode), video=Video(encoder=requested)
    )
    report = encoder_report(document)
    assert (report.requested, report.effective, report.reason) == (requested, effective, reason)


def capture(state: CaptureState) -> CaptureReport:
    return CaptureReport(
        state=state, mode=CaptureMode.SCRCPY, reason="DeviceUnreachable", message="no answer"
    )


@pytest.mark.parametrize(
    ("state", "is_closing", "status"),
    [
        (CaptureState.RUNNING, False, 200),
        (CaptureState.STARTING, False, 503),
        (CaptureState.RECONNECTING, False, 503),
        (CaptureState.FAILED, False, 503),
        (CaptureState.RUNNING, True, 503),
    ],
)
def test_health_follows_the_capture(state: CaptureState, is_closing: bool, status: int) -> None:
    assert judge(capture(state), is_closing=is_closing).http_status == status


def test_the_public_health_tells_no_reason() -> None:
    health = judge(capture(CaptureState.FAILED), is_closing=False)
    assert json.loads(health.to_public_json()) == {
        "status": "unavailable",
        "service": "media-service",
    }
    assert json.loads(health.to_json())["reason"] == "DeviceUnreachable"


def test_a_healthy_streamer_answers_as_the_go_service_did() -> None:
    health = judge(capture(CaptureState.RUNNING), is_closing=False)
    assert json.loads(health.to_public_json()) == {"status": "ok", "service": "media-service"}


def test_metrics_have_the_guide_s_names_and_the_figures_of_the_moment() -> None:
    snapshot = Snapshot(
        is_capturing=True,
        rates=Rates(frames_per_s=59.5, bytes_per_s=750_000),
        frames_total=600,
        viewers=2,
        viewers_total=5,
        messages_total={"touch": 7},
        messages_refused_total={"control_denied": 1},
        events_dropped_total=8,
        requests_refused_total={"token_invalid": 3},
        report_failures_total=4,
        packets_sent_total=1000,
        bytes_sent_total=1_200_000,
        packets_resent_total=9,
        packets_skipped_total=1,
        viewers_by_rung={"passthrough": 2},
        rung_changes_total={"Overuse": 3},
        key_frame_requests_total=6,
    )
    text = Metrics(lambda: snapshot).to_text().decode()
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values[("media_service_active_sessions",)] == 2
    assert values[("media_service_sessions_total",)] == 5
    assert values[("media_service_pipeline_fps",)] == 59.5
    assert values[("media_service_pipeline_bitrate_bytes",)] == 750_000
    assert values[("media_service_control_messages_total", "touch")] == 7
    assert values[("media_service_control_events_dropped_total",)] == 8
    assert values[("media_service_http_requests_refused_total", "token_invalid")] == 3
    assert values[("process_resident_memory_bytes",)] > 0
