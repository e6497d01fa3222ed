"""
StreamSession to `Session`.

Defaults are the schema's (`crds/streamsessions.yaml`); the API server has filled them in, and they
stand here again only where an object could come from before a field existed.
"""

from typing import Any

from pydantic import ValidationError

from cloudphone_operator.model.session import (
    DeviceSource,
    FixedAddress,
    Gpu,
    Lifecycle,
    Placement,
    PodRef,
    PodSelector,
    Requirement,
    Resources,
    Session,
    SessionKey,
    Toleration,
)
from cloudphone_operator.parse.fields import Fields, ParseError
from cloudphone_operator.parse.status import parse_status
from cloudphone_protocol.model import describe_validation_error
from cloudphone_protocol.session import Access, CaptureMode, Encoder, Video

_DEFAULT_ADB_PORT = 5555
_DEFAULT_READY_TIMEOUT_S = 120

_UNAVAILABLE_CAPTURE_MODES = {CaptureMode.SCREENRECORD, CaptureMode.SCREENCAP}
_AVAILABLE_ENCODERS = {Encoder.PASSTHROUGH, Encoder.AUTO}


def parse_session(raw: Any) -> Session:
    """
    Read a StreamSession.

    Raises:
        ParseError: If it does not have the schema's form; the text names the field.
    """
    whole = Fields(raw)
    metadata = whole.child("metadata")
    spec = whole.child("spec")
    device = spec.child("device")
    capture_mode = spec.child("capture").choice("mode", CaptureMode, CaptureMode.AUTO)
    return Session(
        key=SessionKey(namespace=metadata.text("namespace"), name=metadata.text("name")),
        uid=metadata.text("uid"),
        generation=metadata.integer("generation", 1),
        resource_version=metadata.text("resourceVersion"),
        created_at=metadata.time("creationTimestamp"),
        deleting=metadata.has("deletionTimestamp"),
        device=_parse_device(device) if spec.has("device") else None,
        adb_port=device.integer("adbPort", _DEFAULT_ADB_PORT),
        capture_mode=capture_mode,
        video=_parse_video(spec.raw("video")),
        access=_parse_access(spec.raw("access")),
        gpu=_parse_gpu(spec.child("gpu")) if spec.has("gpu") else None,
        media_port_count=spec.child("network").integer("mediaPortCount", 1),
        lifecycle=_parse_lifecycle(spec.child("lifecycle")),
        placement=_parse_placement(spec.child("placement")),
        without_effect=_without_effect(spec),
        status=parse_status(whole.child("status")),
    )


def parse_tolerations(fields: Fields) -> tuple[Toleration, ...]:
    """Read `tolerations` of a pod's or a session's spec."""
    return tuple(
        Toleration(
            key=each.optional_text("key"),
            operator=each.optional_text("operator"),
            value=each.optional_text("value"),
            effect=each.optional_text("effect"),
            seconds=each.optional_integer("tolerationSeconds"),
        )
        for each in fields.children("tolerations")
    )


def _parse_device(device: Fields) -> DeviceSource:
    if device.has("podRef"):
        return PodRef(name=device.child("podRef").text("name"))
    if device.has("podSelector"):
        selector = device.child("podSelector")
        by_label = tuple(
            Requirement(key=key, operator="In", values=(value,))
            for key, value in sorted(selector.text_map("matchLabels").items())
        )
        by_expression = tuple(
            Requirement(
                key=each.text("key"), operator=each.text("operator"), values=each.texts("values")
            )
            for each in selector.children("matchExpressions")
        )
        if not by_label and not by_expression:
            raise ParseError("spec.device.podSelector is empty; expected at least one label")
        return PodSelector(requirements=by_label + by_expression)
    return FixedAddress(address=device.text("address"))


def _parse_video(raw: Any) -> Video:
    try:
        return Video.model_validate(raw if raw is not None else {})
    except ValidationError as error:
        raise ParseError(f"spec.video: {describe_validation_error(error)}") from None


def _parse_access(raw: Any) -> Access:
    try:
        return Access.model_validate(raw if raw is not None else {})
    except ValidationError as error:
        raise ParseError(f"spec.access: {describe_validation_error(error)}") from None


def _parse_gpu(gpu: Fields) -> Gpu:
    return Gpu(
        resource_name=gpu.optional_text("resourceName"),
        count=gpu.integer("count", 1),
        claim_template_name=gpu.optional_text("resourceClaimTemplateName"),
        runtime_class_name=gpu.optional_text("runtimeClassName"),
    )


def _parse_lifecycle(lifecycle: Fields) -> Lifecycle:
    return Lifecycle(
        suspended=lifecycle.boolean("suspended", default=False),
        max_duration_s=lifecycle.optional_integer("maxDurationSeconds"),
        ready_timeout_s=lifecycle.integer("readyTimeoutSeconds", _DEFAULT_READY_TIMEOUT_S),
        ttl_after_finished_s=lifecycle.optional_integer("ttlSecondsAfterFinished"),
        allow_disruption=lifecycle.boolean("allowDisruption", default=False),
    )


def _parse_placement(placement: Fields) -> Placement:
    resources = placement.child("resources")
    return Placement(
        tolerations=parse_tolerations(placement),
        priority_class_name=placement.optional_text("priorityClassName"),
        resources=Resources(
            requests=resources.quantities("requests"), limits=resources.quantities("limits")
        )
        if placement.has("resources")
        else None,
        image=placement.optional_text("image"),
    )


def _without_effect(spec: Fields) -> tuple[str, ...]:
    """
    Fields that ask for something that this version does not do.

    A field with the schema's default asks for nothing.
    """
    device, video = spec.child("device"), spec.child("video")
    network, access = spec.child("network"), spec.child("access")
    clipboard, file_drop = access.child("clipboard"), access.child("fileDrop")
    capture_mode = spec.child("capture").choice("mode", CaptureMode, CaptureMode.AUTO)
    encoder = video.choice("encoder", Encoder, Encoder.PASSTHROUGH)
    asked = {
        "spec.device.guard": device.boolean("guard", default=False),
        "spec.device.protectFromEviction": device.boolean("protectFromEviction", default=False),
        "spec.capture.mode": capture_mode in _UNAVAILABLE_CAPTURE_MODES,
        "spec.video.encoder": encoder not in _AVAILABLE_ENCODERS,
        "spec.video.profile": video.has("profile"),
        "spec.video.preset": video.has("preset"),
        "spec.audio": spec.has("audio") and spec.child("audio").boolean("enabled", default=True),
        "spec.network.mode": network.text("mode", "HostPort") != "HostPort",
        "spec.network.iceServersSecretRef": network.has("iceServersSecretRef"),
        "spec.access.tenant": access.has("tenant"),
        "spec.access.clipboard.fromPhone": clipboard.boolean("fromPhone", default=False),
        "spec.access.clipboard.toPhone": clipboard.boolean("toPhone", default=False),
        "spec.access.fileDrop": file_drop.boolean("enabled", default=False),
        "spec.recording": spec.child("recording").text("mode", "Off") != "Off",
        "spec.lifecycle.idle": spec.child("lifecycle").has("idle"),
    }
    return tuple(field for field, is_asked in asked.items() if is_asked)
