"""
The address that streamers report to, and the route from there to the leader.

The Service has no selector, so its cluster address stays while leaders change; the leader writes
the one EndpointSlice behind it (KEP-752).
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import Invalid, NotFound
from cloudphone_operator.kube.resources import ENDPOINT_SLICES, SERVICES
from cloudphone_operator.names import OPERATOR
from cloudphone_protocol.addresses import join_host_port

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORT_NAME = "reports"


async def publish_leader(
    kube: KubeClient, *, namespace: str, service: str, pod_ip: IPAddress, port: int
) -> str:
    """
    Lead the reports Service to this replica.

    Args:
        kube: Access to the API server.
        namespace: Namespace of the Service.
        service: Name of the Service.
        pod_ip: Address of this replica.
        port: Port that this replica takes reports on.
    Returns:
        Base URL for streamers, with an address and no name: not every cluster has a DNS.
    Raises:
        NotFound: If the Service is not there or has no address; the chart makes it.
        KubeError: If the API server refuses.
    """
    found = await kube.get(SERVICES, namespace, service)
    if found is None:
        raise NotFound(f"Service {namespace}/{service} does not exist; the Helm chart makes it")
    url = to_reports_url(found)
    manifest = to_endpoint_slice(found, pod_ip=pod_ip, port=port)
    try:
        await kube.apply(manifest)
    except Invalid:
        # The address family of a slice cannot be changed; this happens once in a cluster's life.
        await kube.delete(ENDPOINT_SLICES, namespace, manifest["metadata"]["name"])
        await kube.apply(manifest)
    return url


def to_reports_url(service: Mapping[str, Any]) -> str:
    """
    Base URL of a Service's first port.

    Raises:
        NotFound: If it has no cluster address.
    """
    spec = service["spec"]
    try:
        address = ipaddress.ip_address(spec.get("clusterIP") or "")
    except ValueError:
        raise NotFound(
            f"Service {service['metadata']['name']}: spec.clusterIP is "
            f"{spec.get('clusterIP')!r}; expected an address"
        ) from None
    return f"http://{join_host_port(str(address), spec['ports'][0]['port'])}"


def to_endpoint_slice(
    service: Mapping[str, Any], *, pod_ip: IPAddress, port: int
) -> dict[str, Any]:
    """The EndpointSlice that leads a Service to one address; it goes with the Service."""
    metadata = service["metadata"]
    return {
        "apiVersion": ENDPOINT_SLICES.api_version,
        "kind": ENDPOINT_SLICES.kind,
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {
                "kubernetes.io/service-name": metadata["name"],
                "endpointslice.kubernetes.io/managed-by": OPERATOR,
            },
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                }
            ],
        },
        "addressType": f"IPv{pod_ip.version}",
        "endpoints": [{"addresses": [str(pod_ip)], "conditions": {"ready": True}}],
        "ports": [{"name": _PORT_NAME, "port": port, "protocol": "TCP"}],
    }
