"""What stands in for a capture mode that this version does not have: it says so."""

import asyncio

from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import CaptureMode
from cloudphone_streamer.capture.source import CaptureSink, InputEvent


class UnavailableCapture:
    """
    Reports why there is no picture, and waits for another document.

    Args:
        mode: The mode that was asked for.
        reason: CamelCase word for machines.
        message: Sentence for people.
    """

    def __init__(self, mode: CaptureMode, *, reason: str, message: str) -> None:
        self._report = CaptureReport(
            state=CaptureState.FAILED, mode=mode, reason=reason, message=message
        )
        self._dropped_events = 0

    async def run(self, sink: CaptureSink) -> None:
        """Report once and wait until cancelled."""
        sink.on_capture_report(self._report)
        await asyncio.Event().wait()

    def request_key_frame(self) -> None:
        """There is no picture to ask for."""

    def inject(self, event: InputEvent) -> None:  # noqa: ARG002 - there is nothing to touch
        """Drop the event."""
        self._dropped_events += 1

    @property
    def dropped_events(self) -> int:
        """Events that were dropped."""
        return self._dropped_events
