"""
Metrics for Prometheus, read from their owners at the moment they are asked for.

The names are those of the deployment guide where it has one. No label names a viewer: their number
is unbounded and their names are nobody's business.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloudphone_streamer.meter import Rates

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All figures of one moment; totals count from the start of the process."""

    is_capturing: bool
    rates: Rates
    frames_total: int
    viewers: int
    viewers_total: int
    messages_total: Mapping[str, int]
    """By type of message."""
    messages_refused_total: Mapping[str, int]
    """By code of the refusal."""
    events_dropped_total: int
    requests_refused_total: Mapping[str, int]
    """By code of the problem."""
    report_failures_total: int
    packets_sent_total: int
    bytes_sent_total: int
    packets_resent_total: int
    packets_skipped_total: int
    key_frame_requests_total: int
    viewers_by_rung: Mapping[str, int]
    rung_changes_total: Mapping[str, int]
    """By reason."""


class Metrics(Collector):
    """
    What Prometheus scrapes.

    Args:
        snapshot: Returns the figures of this moment.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def to_text(self) -> bytes:
        """All metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Spare the registry a collection at start, when there are no figures yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the figures of this moment."""
        now = self._snapshot()
        for name, text, value in (
            ("active_sessions", "Viewers that media flows to", now.viewers),
            ("capture_running", "1 while pictures are captured", int(now.is_capturing)),
            ("pipeline_fps", "Captured pictures a second", now.rates.frames_per_s),
            ("pipeline_bitrate_bytes", "Captured bytes a second", now.rates.bytes_per_s),
        ):
            yield GaugeMetricFamily(f"media_service_{name}", text, value=value)
        for name, text, value in (
            ("sessions", "Viewers that media has flowed to", now.viewers_total),
            ("pipeline_frames", "Captured pictures", now.frames_total),
            ("rtp_packets_sent", "RTP packets sent", now.packets_sent_total),
            ("rtp_bytes_sent", "Bytes of RTP packets sent", now.bytes_sent_total),
            ("rtp_packets_resent", "RTP packets sent again on request", now.packets_resent_total),
            (
                "rtp_packets_skipped",
                "RTP packets not sent since a viewer was too slow",
                now.packets_skipped_total,
            ),
            (
                "key_frame_requests",
                "Viewers' requests for a key frame",
                now.key_frame_requests_total,
            ),
            (
                "control_events_dropped",
                "Touches, keys and so on that the phone did not take",
                now.events_dropped_total,
            ),
            (
                "report_failures",
                "Reports that the operator did not take",
                now.report_failures_total,
            ),
        ):
            yield CounterMetricFamily(f"media_service_{name}", text, value=value)
        rungs = GaugeMetricFamily(
            "media_service_rung_viewers", "Viewers on each rung in use", labels=["rung"]
        )
        for rung, viewers in now.viewers_by_rung.items():
            rungs.add_metric([rung], viewers)
        yield rungs
        yield _by_label(
            "rung_changes",
            "Moves of viewers between rungs",
            "reason",
            now.rung_changes_total,
        )
        yield _by_label("control_messages", "Messages of viewers", "type", now.messages_total)
        yield _by_label(
            "control_messages_refused",
            "Messages of viewers that were not carried out",
            "code",
            now.messages_refused_total,
        )
        yield _by_label(
            "http_requests_refused", "HTTP requests refused", "code", now.requests_refused_total
        )


def _by_label(name: str, text: str, label: str, values: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"media_service_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], value)
    return family
