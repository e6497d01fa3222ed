"""Whether viewers can be served, and why not; pure."""

import json
from dataclasses import dataclass

from cloudphone_protocol.reports import CaptureReport, CaptureState

SERVICE = "media-service"
"""Name that monitoring made for the Go service looks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """
    One verdict.

    Args:
        is_ready: Pictures are captured and viewers can be served.
        reason: CamelCase word for machines.
        message: Sentence for people.
    """

    is_ready: bool
    reason: str
    message: str

    @property
    def http_status(self) -> int:
        """Status of the answer to a probe."""
        return 200 if self.is_ready else 503

    def to_public_json(self) -> str:
        """What anybody may know."""
        return json.dumps({"status": self._status(), "service": SERVICE})

    def to_json(self) -> str:
        """What the operator and its people may know."""
        return json.dumps(
            {
                "status": self._status(),
                "service": SERVICE,
                "reason": self.reason,
                "message": self.message,
            }
        )

    def _status(self) -> str:
        return "ok" if self.is_ready else "unavailable"


def judge(capture: CaptureReport, *, is_closing: bool) -> Health:
    """Judge by the capture: whatever else fails ends the process, or does not concern viewers."""
    if is_closing:
        return Health(is_ready=False, reason="ShuttingDown", message="the streamer ends")
    return Health(
        is_ready=capture.state is CaptureState.RUNNING,
        reason=capture.reason,
        message=capture.message,
    )
