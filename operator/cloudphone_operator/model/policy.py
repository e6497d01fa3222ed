"""The operator's own options, as the pure modules need them."""

import dataclasses
import ipaddress

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    What the platform decided for all sessions.

    Args:
        image: Image of streamer pods.
        image_pull_policy: When the kubelet fetches it.
        allowed_images: Images that `spec.placement.image` may name.
        device_cidrs: Networks that `spec.device.address` may lie in.
        service_type: `ClusterIP` or `NodePort`.
        operator_namespace: Namespace whose pods may reach the streamers' API and internal ports.
        reports_url: Where streamers report to; None if there is no reports Service.
        log_level: Log level of new streamers.
    """

    image: str
    image_pull_policy: str
    allowed_images: frozenset[str]
    device_cidrs: tuple[IPNetwork, ...]
    service_type: str
    operator_namespace: str
    reports_url: str | None
    log_level: str
