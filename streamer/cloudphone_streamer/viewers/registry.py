"""
All viewers of the session: how many, who controls, and what everybody is told.

`app` makes one; WHEP admits viewers, the pipeline tells it of the capture. It knows neither HTTP
nor WebRTC.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

from cloudphone_protocol.channel import State, StreamState
from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import Access, ControlPolicy
from cloudphone_protocol.tickets import Ticket
from cloudphone_streamer.capture.source import InputEvent
from cloudphone_streamer.control.pointers import PointerTracker
from cloudphone_streamer.errors import ViewerLimitReached
from cloudphone_streamer.viewers.viewer import RefusalCode, Viewer

logger = logging.getLogger(__name__)

_STREAM_STATE = {
    CaptureState.STARTING: StreamState.RECONNECTING,
    CaptureState.RUNNING: StreamState.STREAMING,
    CaptureState.RECONNECTING: StreamState.RECONNECTING,
    CaptureState.FAILED: StreamState.FAILED,
}


class Viewers:
    """
    The viewers of one session.

    Args:
        access: Limits in force.
        capture: How the capture stands.
        inject: Carries out one event on the phone.
        on_change: Called when the number of connected viewers has changed.
    """

    def __init__(
        self,
        *,
        access: Access,
        capture: CaptureReport,
        inject: Callable[[InputEvent], None],
        on_change: Callable[[], None],
    ) -> None:
        self.inject = inject
        self.connected_total = 0
        self.messages_total: Counter[str] = Counter()
        self.refusals_total: Counter[str] = Counter()
        self._access = access
        self._capture = capture
        self._on_change = on_change
        self._pointers = PointerTracker()
        self._viewers: list[Viewer] = []
        self._closing = False

    @property
    def count(self) -> int:
        """Viewers that media flows to."""
        return sum(viewer.is_connected for viewer in self._viewers)

    @property
    def is_capturing(self) -> bool:
        """Whether the phone is there, and its picture seen."""
        return self._capture.state is CaptureState.RUNNING

    @property
    def picture_px(self) -> tuple[int, int] | None:
        """Width and height of the phone's picture, once there was one."""
        width_px, height_px = self._capture.width_px, self._capture.height_px
        return None if width_px is None or height_px is None else (width_px, height_px)

    def admit(self, ticket: Ticket) -> Viewer:
        """
        Make room for one more viewer.

        Raises:
            ViewerLimitReached: If the session is full.
        """
        if len(self._viewers) >= self._access.max_viewers:
            raise ViewerLimitReached(
                f"the session has {len(self._viewers)} viewers; "
                f"expected at most {self._access.max_viewers}"
            )
        viewer = Viewer(
            ticket=ticket, audience=self, pointers=self._pointers, now_s=time.monotonic()
        )
        self._viewers.append(viewer)
        return viewer

    def connected(self, viewer: Viewer) -> None:
        """Take note that media flows to this viewer."""
        self.connected_total += 1
        logger.info("viewer connected", extra={"subject": viewer.ticket.subject})
        self._tell_everybody()
        self._on_change()

    def left(self, viewer: Viewer) -> None:
        """Take note that this viewer is gone, or that its offer was not accepted."""
        if viewer not in self._viewers:
            return
        self._viewers.remove(viewer)
        self._tell_everybody()
        if viewer.is_connected:
            self._on_change()

    def may_control(self, viewer: Viewer) -> bool:
        """
        Whether this viewer's input is taken now.

        With `Exclusive`, the one who has been here longest of those that may control does.
        """
        if not viewer.has_control_permission or self._closing:
            return False
        if self._access.control is ControlPolicy.SHARED:
            return True
        return viewer is next(
            (
                other
                for other in self._viewers
                if other.is_connected and other.has_control_permission
            ),
            None,
        )

    def state_for(self, viewer: Viewer) -> State:
        """Tell what this viewer should know now."""
        if self._closing:
            return State(
                state=StreamState.CLOSING,
                reason="ShuttingDown",
                message="the streamer ends; connect again in a moment",
                may_control=False,
            )
        return State(
            state=_STREAM_STATE[self._capture.state],
            reason=self._capture.reason,
            message=self._capture.message,
            may_control=self.may_control(viewer),
        )

    def set_access(self, access: Access) -> None:
        """Put new limits in force; viewers above a lowered limit stay, the next is refused."""
        self._access = access
        self._tell_everybody()

    def set_capture(self, report: CaptureReport) -> None:
        """The capture has changed."""
        self._capture = report
        if not self.is_capturing:
            for viewer in self._viewers:
                viewer.release()
        elif report.width_px is not None and report.height_px is not None:
            for event in self._pointers.set_picture_size(report.width_px, report.height_px):
                self.inject(event)
        self._tell_everybody()

    def close(self) -> None:
        """Tell everybody that the streamer ends; input is no longer taken."""
        self._closing = True
        self._tell_everybody()

    def count_message(self, kind: str) -> None:
        """Count a message that was carried out."""
        self.messages_total[kind] += 1

    def count_refusal(self, code: RefusalCode) -> None:
        """Count a message that was not carried out."""
        self.refusals_total[code] += 1

    def _tell_everybody(self) -> None:
        for viewer in self._viewers:
            if not self.may_control(viewer):
                viewer.release()
            viewer.tell_state()
