"""Reports of one capture, each said once."""

from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import CaptureMode
from cloudphone_streamer.capture.errors import CaptureFailure
from cloudphone_streamer.capture.source import CaptureSink


class Reporter:
    """
    Tells a sink what changes.

    Args:
        sink: Who is told.
        mode: The mode that runs.
    """

    def __init__(self, sink: CaptureSink, mode: CaptureMode) -> None:
        self._sink = sink
        self._mode = mode
        self._last: CaptureReport | None = None
        self._has_run = False

    def starting(self, message: str) -> None:
        """The first attempt begins."""
        self._report(CaptureState.STARTING, "Connecting", message)

    def running(self, width_px: int, height_px: int) -> None:
        """Pictures of this size come."""
        self._has_run = True
        self._report(
            CaptureState.RUNNING,
            "Capturing",
            f"pictures of {width_px}x{height_px} pixels are captured",
            width_px=width_px,
            height_px=height_px,
        )

    def failed(self, failure: CaptureFailure, *, lasting: bool) -> bool:
        """
        An attempt ended; another one follows.

        Args:
            failure: Why.
            lasting: Whether attempts have failed for long.
        Returns:
            Whether this is news.
        """
        if failure.needs_person or lasting:
            state = CaptureState.FAILED
        elif self._has_run:
            state = CaptureState.RECONNECTING
        else:
            state = CaptureState.STARTING
        return self._report(state, failure.reason, failure.message)

    def _report(
        self,
        state: CaptureState,
        reason: str,
        message: str,
        *,
        width_px: int | None = None,
        height_px: int | None = None,
    ) -> bool:
        report = CaptureReport(
            state=state,
            mode=self._mode,
            reason=reason,
            message=message,
            width_px=width_px,
            height_px=height_px,
        )
        if report == self._last:
            return False
        self._last = report
        self._sink.on_capture_report(report)
        return True
