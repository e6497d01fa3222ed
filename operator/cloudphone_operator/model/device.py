"""The phone that was found for a session."""

import dataclasses

from cloudphone_operator.model.session import Toleration
from cloudphone_operator.model.status import Condition


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """
    A phone that can be streamed.

    Args:
        address: ADB address `host:port`, IPv6 in brackets; None for a test pattern.
        pod_name: Its pod, where it is one.
        pod_uid: Uid of that pod: a new uid at an old address is another phone.
        node_name: Node that the streamer must be on; None if any will do.
        tolerations: Tolerations that the streamer needs to get there.
    """

    address: str | None = None
    pod_name: str | None = None
    pod_uid: str | None = None
    node_name: str | None = None
    tolerations: tuple[Toleration, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFinding:
    """
    Whether the phone is there.

    Args:
        device: The phone; None while it is missing or not ready.
        condition: DeviceReady.
        hopeless: Whether only a change by a person can help.
    """

    device: Device | None
    condition: Condition
    hopeless: bool = False
