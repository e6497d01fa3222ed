"""The session document."""

from cloudphone_operator.model.device import Device
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import Session
from cloudphone_protocol import session as protocol


def session_document(session: Session, device: Device, policy: Policy) -> protocol.SessionDocument:
    """Everything that the streamer is told and that may change in its life."""
    return protocol.SessionDocument(
        session=protocol.SessionRef(
            namespace=session.key.namespace, name=session.key.name, uid=session.uid
        ),
        device=protocol.Device(
            address=device.address, pod_name=device.pod_name, pod_uid=device.pod_uid
        )
        if device.address is not None
        else None,
        capture=protocol.Capture(mode=session.capture_mode),
        video=session.video,
        access=session.access,
        reports=protocol.Reports(url=policy.reports_url)
        if policy.reports_url is not None
        else None,
    )
