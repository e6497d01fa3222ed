"""
One capture at a time, fed to everybody; replaced when the session document says so.

`app` makes one. Viewers stay connected across a replacement: they hang on the fan-out, which
outlives every capture.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import SessionDocument
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.capture.source import Capture, InputEvent
from cloudphone_streamer.meter import FrameMeter
from cloudphone_streamer.rtp.fanout import VideoFanout

logger = logging.getLogger(__name__)

_RESTART_AFTER_S = 5.0
"""Pause after a capture that ended by a defect of ours."""

_END_WITHIN_S = 2.0
"""A capture tidies up on the phone, which may be away."""


class Pipeline:
    """
    From the phone to the fan-out.

    Args:
        make_capture: Makes the capture that a document asks for.
        on_report: Called on each change of the capture's state.
    """

    def __init__(
        self,
        *,
        make_capture: Callable[[SessionDocument], Capture],
        on_report: Callable[[CaptureReport], None],
    ) -> None:
        self.fanout = VideoFanout(request_key_frame=self._request_key_frame)
        self.meter = FrameMeter()
        self._make_capture = make_capture
        self._on_report = on_report
        self._capture: Capture | None = None
        self._task: asyncio.Task[None] | None = None
        self._dropped_events = 0
        self._is_closed = False

    def start(self, document: SessionDocument) -> None:
        """Begin to capture what `document` names."""
        self._on_report(starting(document))
        self._task = asyncio.create_task(self._run(document), name="capture")

    async def replace(self, document: SessionDocument) -> None:
        """End the present capture and begin another."""
        await self._end()
        # The process may have been told to end meanwhile.
        if not self._is_closed:
            self.start(document)

    async def close(self) -> None:
        """End the capture for good."""
        self._is_closed = True
        await self._end()

    async def _end(self) -> None:
        task = self._task
        if task is None:
            return
        if not task.cancelling():
            task.cancel()
        _, pending = await asyncio.wait({task}, timeout=_END_WITHIN_S)
        if pending:
            logger.warning("capture did not end in time", extra={"waited_s": _END_WITHIN_S})

    def inject(self, event: InputEvent) -> None:
        """Carry out one event on the phone."""
        if self._capture is not None:
            self._capture.inject(event)
        else:
            self._dropped_events += 1

    @property
    def dropped_events_total(self) -> int:
        """Events that no phone took, since the start of the process."""
        present = self._capture.dropped_events if self._capture is not None else 0
        return self._dropped_events + present

    def on_access_unit(self, unit: AccessUnit) -> None:
        """One more picture of the capture."""
        self.meter.add(time.monotonic(), sum(map(len, unit.nals)))
        self.fanout.push(unit)

    def on_capture_report(self, report: CaptureReport) -> None:
        """The capture's state has changed."""
        if report.state is not CaptureState.RUNNING:
            # What comes next is from another run of the phone's encoder, maybe with another clock.
            self.fanout.reset()
        self._on_report(report)

    async def _run(self, document: SessionDocument) -> None:
        """Run the capture; a defect of ours in it never ends the process."""
        while True:
            self.fanout.reset()
            capture = None
            try:
                capture = self._capture = self._make_capture(document)
                await capture.run(self)
            except Exception:
                logger.exception("capture ended unexpectedly")
                self._on_report(
                    CaptureReport(
                        state=CaptureState.FAILED,
                        mode=document.capture.mode,
                        reason="InternalError",
                        message="the capture ended unexpectedly and is started again; "
                        "the streamer's log has the details",
                    )
                )
            finally:
                if capture is not None:
                    self._dropped_events += capture.dropped_events
                # One that ended late must not take its successor's place.
                if self._capture is capture:
                    self._capture = None
            await asyncio.sleep(_RESTART_AFTER_S)

    def _request_key_frame(self) -> None:
        if self._capture is not None:
            self._capture.request_key_frame()


def starting(document: SessionDocument) -> CaptureReport:
    """The report before a capture has said anything."""
    return CaptureReport(
        state=CaptureState.STARTING,
        mode=document.capture.mode,
        reason="Starting",
        message="the capture starts",
    )
