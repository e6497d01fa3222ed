"""The status that we last wrote to a StreamSession, read back; nothing in it must be there."""

from cloudphone_operator.model.status import (
    Condition,
    ConditionStatus,
    DeviceStatus,
    EncoderStatus,
    Endpoints,
    Phase,
    Status,
)
from cloudphone_operator.parse.fields import Fields


def parse_status(status: Fields) -> Status:
    """
    Read `status`.

    Raises:
        ParseError: If it does not have the schema's form.
    """
    return Status(
        observed_generation=status.optional_integer("observedGeneration"),
        phase=status.choice("phase", Phase, Phase.PENDING),
        conditions=tuple(_parse_condition(each) for each in status.children("conditions")),
        node_name=status.optional_text("nodeName"),
        pod_name=status.optional_text("podName"),
        attempt=status.integer("attempt", 0),
        device=_parse_device(status.child("device")),
        media_ports=tuple(each.integer("port") for each in status.children("mediaPorts")),
        addresses=status.texts("addresses"),
        endpoints=_parse_endpoints(status.child("endpoints")),
        encoder=_parse_encoder(status.child("encoder")),
        viewers=status.optional_integer("viewers"),
        idle_since=status.optional_time("idleSince"),
    )


def _parse_condition(condition: Fields) -> Condition:
    return Condition(
        type=condition.text("type"),
        status=condition.choice("status", ConditionStatus),
        reason=condition.text("reason"),
        message=condition.text("message", ""),
        observed_generation=condition.optional_integer("observedGeneration"),
        last_transition_at=condition.optional_time("lastTransitionTime"),
    )


def _parse_device(device: Fields) -> DeviceStatus | None:
    if not device.has("address"):
        return None
    return DeviceStatus(
        address=device.text("address"),
        pod_name=device.optional_text("podName"),
        pod_uid=device.optional_text("podUID"),
    )


def _parse_endpoints(endpoints: Fields) -> Endpoints | None:
    if not endpoints.has("whep"):
        return None
    return Endpoints(
        whep=endpoints.text("whep"),
        viewer=endpoints.text("viewer", ""),
        api=endpoints.text("api", ""),
    )


def _parse_encoder(encoder: Fields) -> EncoderStatus | None:
    if not encoder.has("effective"):
        return None
    return EncoderStatus(
        requested=encoder.text("requested", ""),
        effective=encoder.text("effective"),
        reason=encoder.optional_text("reason"),
    )
