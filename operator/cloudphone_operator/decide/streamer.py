"""What does the streamer say of itself, and what does the kubelet say of it?"""

import dataclasses
from datetime import timedelta

from cloudphone_operator.conditions import false, true, unknown
from cloudphone_operator.model.cluster import Pod
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.status import Condition, ConditionType, EncoderStatus
from cloudphone_protocol.reports import HEARTBEAT_SECONDS, CaptureState, Report

REPORT_COUNTS_FOR = timedelta(seconds=3 * HEARTBEAT_SECONDS)
"""A report counts for this long: two heartbeats may be lost."""

_CRASH_LOOP_RESTARTS = 3
_CRASH_LOOP = "CrashLoopBackOff"
_STUCK_REASONS = {
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamerView:
    """
    The streamer as it is known.

    Args:
        ready: Condition StreamerReady.
        connected: Condition ClientConnected.
        gpu_unused: Condition GPUUnused.
        report: Its latest report that still counts.
        viewers: Connected viewers; None while unknown.
        encoder: Which encoder runs; None while unknown.
        watched: Whether somebody watches, or may watch for all we know.
        silent: Whether it serves, has had time to report, and did not.
        crashes: Sentence on why it keeps crashing; empty if it does not.
        look_again_s: When its silence says something; None where it does so now or it speaks.
    """

    ready: Condition
    connected: Condition
    gpu_unused: Condition
    report: Report | None = None
    viewers: int | None = None
    encoder: EncoderStatus | None = None
    watched: bool = False
    silent: bool = False
    crashes: str = ""
    look_again_s: float | None = None


def view_streamer(observed: Observed, pod: Pod | None) -> StreamerView:
    """
    Judge the streamer in `pod`, the session's current one.

    Readiness is the kubelet's word; reports say why, and what else there is.
    """
    if pod is None:
        return StreamerView(
            ready=false(ConditionType.STREAMER_READY, "NoPod", "There is no streamer pod."),
            connected=false(ConditionType.CLIENT_CONNECTED, "NoPod", "There is no streamer pod."),
            gpu_unused=_judge_gpu(observed, None),
        )
    report = fresh_report(observed, pod)
    if report is None and observed.now - observed.listening_since < REPORT_COUNTS_FOR:
        return _remembered(observed, pod)
    return StreamerView(
        ready=_judge_ready(pod, report),
        connected=_judge_connected(pod, report),
        gpu_unused=_judge_gpu(observed, report),
        report=report,
        viewers=report.viewers if report is not None else None,
        encoder=_encoder(report) if report is not None else None,
        # Make sure silence is never taken for an empty room while the streamer serves.
        watched=report.viewers > 0 if report is not None else pod.is_ready,
        silent=report is None and pod.is_ready,
        crashes=_crashes(pod),
    )


def fresh_report(observed: Observed, pod: Pod) -> Report | None:
    """The latest report, if it is of this pod and recent enough to count."""
    received = observed.report
    if received is None or observed.now - received.received_at > REPORT_COUNTS_FOR:
        return None
    report = received.report
    if report.session_uid != observed.session.uid or report.pod_name != pod.name:
        return None
    return report


def _remembered(observed: Observed, pod: Pod) -> StreamerView:
    """What was last written, while a new leader has not listened for long enough to know better."""
    status = observed.session.status
    same_pod = status.pod_name == pod.name
    connected = status.condition(ConditionType.CLIENT_CONNECTED) if same_pod else None
    gpu_unused = status.condition(ConditionType.GPU_UNUSED) if same_pod else None
    return StreamerView(
        ready=_judge_ready(pod, None),
        connected=connected or _judge_connected(pod, None),
        gpu_unused=gpu_unused or _judge_gpu(observed, None),
        viewers=status.viewers if same_pod else None,
        encoder=status.encoder if same_pod else None,
        watched=pod.is_ready,
        crashes=_crashes(pod),
        look_again_s=(observed.listening_since + REPORT_COUNTS_FOR - observed.now).total_seconds(),
    )


def _judge_ready(pod: Pod, report: Report | None) -> Condition:
    type_ = ConditionType.STREAMER_READY
    if pod.deleting:
        return false(type_, "PodTerminating", f"Pod {pod.name} is being deleted.")
    if pod.is_ready:
        return true(type_, "Serving", f"Pod {pod.name} serves viewers.")
    container = pod.container
    if container.waiting_reason and container.waiting_reason != "ContainerCreating":
        said = container.last_words if container.waiting_reason == _CRASH_LOOP else ""
        said = said or container.waiting_message or container.waiting_reason
        return false(type_, container.waiting_reason, f"Pod {pod.name}: {said}")
    if report is not None and report.capture.state is not CaptureState.RUNNING:
        capture = report.capture
        return false(type_, capture.reason, capture.message)
    if pod.phase == "Pending":
        said = pod.message or "its container is being created"
        return false(type_, pod.reason or "PodPending", f"Pod {pod.name} starts: {said}.")
    return false(type_, "Starting", f"Pod {pod.name} runs and is not ready yet.")


def _judge_connected(pod: Pod, report: Report | None) -> Condition:
    type_ = ConditionType.CLIENT_CONNECTED
    if report is None:
        if not pod.is_ready:
            return false(type_, "NotServing", "The streamer does not serve viewers yet.")
        return unknown(type_, "NotReported", "The streamer has not reported lately.")
    if report.viewers == 0:
        return false(type_, "NoViewers", "Nobody watches.")
    return true(type_, "Viewers", "Viewers are connected.")


def _judge_gpu(observed: Observed, report: Report | None) -> Condition:
    type_ = ConditionType.GPU_UNUSED
    gpu = observed.session.gpu
    if gpu is None:
        return false(type_, "NotRequested", "spec.gpu asks for none.")
    if report is None:
        return unknown(type_, "NotReported", "The streamer has not reported yet.")
    if report.gpu_used:
        return false(type_, "InUse", f"Encoder {report.encoder.effective} uses the GPU.")
    return true(
        type_,
        "Unused",
        f"The pod holds {gpu.resource_name or gpu.claim_template_name}, and encoder "
        f"{report.encoder.effective} does not use it; remove spec.gpu to free it.",
    )


def _encoder(report: Report) -> EncoderStatus:
    encoder = report.encoder
    return EncoderStatus(
        requested=encoder.requested.value,
        effective=encoder.effective.value,
        reason=encoder.reason if encoder.requested is not encoder.effective else None,
    )


def _crashes(pod: Pod) -> str:
    container = pod.container
    if container.waiting_reason == _CRASH_LOOP and container.restarts >= _CRASH_LOOP_RESTARTS:
        return (
            f"Pod {pod.name} has crashed {container.restarts} times; "
            f"last: {container.last_words or container.waiting_message}"
        )
    if container.waiting_reason in _STUCK_REASONS:
        return (
            f"Pod {pod.name} cannot start: {container.waiting_message or container.waiting_reason}"
        )
    return ""
