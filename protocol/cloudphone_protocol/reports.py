"""
What a streamer tells the operator: on every change at once, and as a heartbeat.

POST `<reports.url>/v1/reports/<namespace>/<name>` with `Authorization: Bearer <credential>`.
204 taken; 401 unknown session or wrong credential; 409 another uid (the pod outlived its session);
422 malformed; 503 this replica is not the leader. Reports enrich the status; readiness comes from
the kubelet's probe.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cloudphone_protocol.model import Message
from cloudphone_protocol.session import CaptureMode, Encoder

HEARTBEAT_SECONDS = 10
"""A streamer reports at least this often."""


def report_path(namespace: str, name: str) -> str:
    """Path below `reports.url` that takes the reports of one session."""
    return f"/v1/reports/{namespace}/{name}"


class CaptureState(StrEnum):
    """Where the capture of the phone stands."""

    STARTING = "Starting"
    RUNNING = "Running"
    RECONNECTING = "Reconnecting"
    """It ran, and is being re-established; viewers stay connected."""
    FAILED = "Failed"
    """It does not run for a reason that a person must mend; it is still retried."""


class CaptureReport(Message):
    """The capture, with its reason when it does not run."""

    state: CaptureState
    mode: CaptureMode
    reason: str
    """CamelCase word for machines, e.g. `DeviceUnreachable`."""
    message: str
    """Sentence for people."""
    width_px: int | None = None
    height_px: int | None = None


class EncoderReport(Message):
    """Which encoder was asked for and which one runs."""

    requested: Encoder
    effective: Encoder
    reason: str


class Report(Message):
    """State of one streamer at one moment."""

    session_uid: str
    pod_name: str
    sequence: Annotated[int, Field(ge=0)]
    """Grows by one a report within a process; a late report never overrides a newer one."""
    started_at_ms: int
    """Unix time when the process started: a restart begins a new sequence."""
    document_version: str
    """`SessionDocument.version()` of the document in force."""
    capture: CaptureReport
    encoder: EncoderReport
    viewers: Annotated[int, Field(ge=0)]
    gpu_used: bool = False
