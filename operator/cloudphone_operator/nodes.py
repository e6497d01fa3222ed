"""
What a Node offers to sessions: its addresses, and the settings of the StreamNodeClass that fits.

Pure. The defaults are those of the schema of StreamNodeClass.
"""

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from cloudphone_operator.ports.model import PortRange

ADDRESSES_ANNOTATION = "streaming.cloudphone.io/addresses"
"""Addresses of a node that viewers reach, separated by commas; as for nodes behind 1:1 NAT."""


DEFAULT_PORTS = PortRange(first=50000, last=50100)
"""Media ports of a node whose class names none."""


class AddressSource(StrEnum):
    """Where a node's addresses are taken from."""

    AUTO = "Auto"
    """The first of the others, in their order, that there is."""
    ANNOTATION = "Annotation"
    EXTERNAL_IP = "ExternalIP"
    INTERNAL_IP = "InternalIP"


class AddressFamily(StrEnum):
    """IP version."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """
    Settings of a kind of node, from a StreamNodeClass or by default.

    Args:
        name: Name of the StreamNodeClass; empty for the defaults.
        node_selector: Labels that a node must have.
        ports: Media ports.
        address_source: Where addresses are taken from.
        families: Address families that viewers are told.
        max_sessions: Most sessions on one node; None where only the ports limit them.
    """

    name: str = ""
    node_selector: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ports: PortRange = DEFAULT_PORTS
    address_source: AddressSource = AddressSource.AUTO
    families: tuple[AddressFamily, ...] = (AddressFamily.IPV4, AddressFamily.IPV6)
    max_sessions: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """
    The part of a Node that matters here.

    Args:
        name: Name of the Node.
        uid: Uid of the Node.
        labels: Its labels.
        annotated: Value of its addresses annotation; None where it has none.
        external: Addresses of type ExternalIP, in the Node's order.
        internal: Addresses of type InternalIP, in the Node's order.
    """

    name: str
    uid: str
    labels: Mapping[str, str]
    annotated: str | None
    external: tuple[str, ...]
    internal: tuple[str, ...]


def parse_node(node: Mapping[str, Any]) -> NodeFacts:
    """Read a v1 Node."""
    metadata = node["metadata"]
    addresses = (node.get("status") or {}).get("addresses") or ()
    return NodeFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        labels=metadata.get("labels") or {},
        annotated=(metadata.get("annotations") or {}).get(ADDRESSES_ANNOTATION),
        external=tuple(item["address"] for item in addresses if item["type"] == "ExternalIP"),
        internal=tuple(item["address"] for item in addresses if item["type"] == "InternalIP"),
    )


def parse_node_class(node_class: Mapping[str, Any]) -> NodeClass:
    """Read a StreamNodeClass; the schema has checked it and filled in its defaults."""
    default = NodeClass()
    spec = node_class.get("spec") or {}
    ports = spec.get("mediaPortRange") or {}
    policy = spec.get("addressPolicy") or {}
    return NodeClass(
        name=node_class["metadata"]["name"],
        node_selector=spec.get("nodeSelector") or {},
        ports=PortRange(
            first=ports.get("first", DEFAULT_PORTS.first),
            last=ports.get("last", DEFAULT_PORTS.last),
        ),
        address_source=AddressSource(policy.get("source", default.address_source)),
        families=tuple(
            AddressFamily(family) for family in policy.get("families", default.families)
        ),
        max_sessions=spec.get("maxSessions"),
    )


def class_of(node: NodeFacts, classes: Iterable[NodeClass]) -> NodeClass:
    """
    The class that a node takes.

    Of several whose selector matches it is the one with the most labels, then the first by name; a
    node that none matches takes the defaults.
    """
    fitting = [
        candidate for candidate in classes if candidate.node_selector.items() <= node.labels.items()
    ]
    if not fitting:
        return NodeClass()
    return min(fitting, key=lambda candidate: (-len(candidate.node_selector), candidate.name))


def addresses_of(node: NodeFacts, node_class: NodeClass) -> tuple[str, ...]:
    """
    Addresses of a node that viewers are told, in order of preference.

    What is no IP address is left out, since ICE candidates are IP addresses (RFC 8839 - 5.1).

    Returns:
        Addresses in their canonical form, each once; empty where the class finds none.
    """
    annotated = tuple(part.strip() for part in (node.annotated or "").split(","))
    by_source = {
        AddressSource.ANNOTATION: annotated,
        AddressSource.EXTERNAL_IP: node.external,
        AddressSource.INTERNAL_IP: node.internal,
    }
    if node_class.address_source is not AddressSource.AUTO:
        return _usable(by_source[node_class.address_source], node_class.families)
    for candidates in by_source.values():
        usable = _usable(candidates, node_class.families)
        if usable:
            return usable
    return ()


def _usable(candidates: Iterable[str], families: tuple[AddressFamily, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for candidate in candidates:
        try:
            address = ipaddress.ip_address(candidate)
        except ValueError:
            continue
        if AddressFamily(f"IPv{address.version}") in families:
            found[str(address)] = None
    return tuple(found)
