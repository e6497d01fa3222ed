"""Values for the tests of this folder: plausible ones, of which a test changes what it is about."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudphone_operator.decide.device import find_device
from cloudphone_operator.model.cluster import Node, Pod, PodCondition, ReceivedReport
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import Session
from cloudphone_operator.model.status import ConditionStatus
from cloudphone_operator.parse.session import parse_session
from cloudphone_protocol.reports import CaptureReport, CaptureState, EncoderReport, Report
from cloudphone_protocol.session import CaptureMode, Encoder

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SESSION_UID = "5e55-0001"
PHONE_UID = "f0e0-0001"

POLICY = Policy(
    image="registry.example/streamer:1",
    image_pull_policy="IfNotPresent",
    allowed_images=frozenset({"registry.example/streamer:beta"}),
    device_cidrs=(),
    service_type="ClusterIP",
    operator_namespace="cloudphone-system",
    reports_url="http://198.19.0.7:8081",
    log_level="info",
)

TRUE = PodCondition(status=ConditionStatus.TRUE, reason="", message="")


def raw_session(spec: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A StreamSession as the API server returns it, with the schema's defaults filled in."""
    base: dict[str, Any] = {
        "apiVersion": "streaming.cloudphone.io/v1alpha1",
        "kind": "StreamSession",
        "metadata": {
            "name": "phone-1",
            "namespace": "phones",
            "uid": SESSION_UID,
            "generation": 1,
            "resourceVersion": "7",
            "creationTimestamp": "2026-03-01T11:59:00Z",
        },
        "spec": {
            "device": {"podRef": {"name": "redroid-1"}, "adbPort": 5555, "guard": False},
            "capture": {"mode": "Auto"},
            "video": {
                "codecs": ["H264"],
                "encoder": "Passthrough",
                "bitrateBps": 8000000,
                "maxFps": 60,
                "maxSizePx": 1280,
                "keyFrameIntervalSeconds": 1,
            },
            "network": {"mode": "HostPort", "mediaPortCount": 1},
            "access": {"maxViewers": 32, "control": "Shared"},
            "lifecycle": {
                "suspended": False,
                "readyTimeoutSeconds": 120,
                "allowDisruption": False,
            },
        },
        "status": {
            "phase": "Pending",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "Unknown",
                    "reason": "Pending",
                    "message": "The operator has not seen this StreamSession yet.",
                    "lastTransitionTime": "1970-01-01T00:00:00Z",
                }
            ],
        },
    }
    built: dict[str, Any] = json.loads(json.dumps(base))
    built["spec"].update(spec or {})
    for name, value in changes.items():
        built[name].update(value)
    return built


def session(spec: dict[str, Any] | None = None, **changes: Any) -> Session:
    return parse_session(raw_session(spec, **changes))


def phone(**changes: Any) -> Pod:
    base = Pod(
        name="redroid-1",
        uid=PHONE_UID,
        created_at=NOW - timedelta(hours=1),
        labels={"app": "phone"},
        node_name="node-a",
        phase="Running",
        ip="198.18.0.20",
        ready=TRUE,
        scheduled=TRUE,
    )
    return dataclasses.replace(base, **changes)


def node(name: str = "node-a", **changes: Any) -> Node:
    return dataclasses.replace(
        Node(name=name, addresses=("192.0.2.10",), free_ports=100), **changes
    )


def streamer(attempt: int = 1, **changes: Any) -> Pod:
    base = Pod(
        name=f"phone-1-{attempt}",
        uid=f"90d0-{attempt:04}",
        created_at=NOW - timedelta(minutes=1),
        controller_uid=SESSION_UID,
        attempt=attempt,
        node_name="node-a",
        phase="Running",
        ip="198.18.0.30",
        ready=TRUE,
        scheduled=TRUE,
        host_ports=(50000,),
    )
    return dataclasses.replace(base, **changes)


def report(viewers: int = 0, *, pod_name: str = "phone-1-1", **changes: Any) -> ReceivedReport:
    said = Report(
        session_uid=SESSION_UID,
        pod_name=pod_name,
        sequence=1,
        started_at_ms=1,
        document_version="0" * 16,
        capture=CaptureReport(
            state=CaptureState.RUNNING, mode=CaptureMode.SCRCPY, reason="Running", message="Runs."
        ),
        encoder=EncoderReport(
            requested=Encoder.PASSTHROUGH, effective=Encoder.PASSTHROUGH, reason="Requested"
        ),
        viewers=viewers,
    ).model_copy(update=changes)
    return ReceivedReport(report=said, received_at=NOW - timedelta(seconds=1))


def observed(
    *,
    of: Session | None = None,
    phones: tuple[Pod, ...] | None = None,
    policy: Policy = POLICY,
    **changes: Any,
) -> Observed:
    """A session that was just created, its phone ready on node-a."""
    its_session = of if of is not None else session()
    base = Observed(
        now=NOW,
        session=its_session,
        finding=find_device(its_session, phones if phones is not None else (phone(),), policy),
        nodes=(node(),),
        listening_since=NOW - timedelta(hours=1),
    )
    return dataclasses.replace(base, **changes)
