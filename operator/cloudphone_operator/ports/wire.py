"""StreamNode's status to and from the ledger. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudphone_operator.kube.resources import STREAM_NODES
from cloudphone_operator.nodes import NodeFacts
from cloudphone_operator.ports.ledger import Ledger
from cloudphone_operator.ports.model import Holder, PortEntry, PortRange, PortState


def parse_ledger(stream_node: Mapping[str, Any]) -> Ledger:
    """Read the ledger of a StreamNode; empty where its status is missing."""
    status = stream_node.get("status") or {}
    return Ledger.of(_parse_entry(item) for item in status.get("ports") or ())


def _parse_entry(item: Mapping[str, Any]) -> PortEntry:
    holder = item.get("holder")
    until = item.get("until")
    return PortEntry(
        port=item["port"],
        state=PortState(item["state"]),
        holder=None
        if holder is None
        else Holder(
            manager=holder.get("manager", ""),
            kind=holder.get("kind", ""),
            namespace=holder.get("namespace", ""),
            name=holder.get("name", ""),
            uid=holder.get("uid", ""),
        ),
        until=None if until is None else datetime.fromisoformat(until),
    )


def to_status(ledger: Ledger, ports: PortRange) -> dict[str, Any]:
    """
    The status of a StreamNode.

    Args:
        ledger: The node's ledger.
        ports: Range of the node's class, for the number of free ports.
    """
    return {
        "ports": [_to_item(entry) for entry in ledger.entries],
        "used": sum(1 for entry in ledger.entries if entry.state is PortState.HELD),
        "free": len(ports) - sum(1 for entry in ledger.entries if entry.port in ports),
    }


def _to_item(entry: PortEntry) -> dict[str, Any]:
    item: dict[str, Any] = {"port": entry.port, "state": entry.state.value}
    if entry.holder is not None:
        fields = {
            "manager": entry.holder.manager,
            "kind": entry.holder.kind,
            "namespace": entry.holder.namespace,
            "name": entry.holder.name,
            "uid": entry.holder.uid,
        }
        item["holder"] = {name: value for name, value in fields.items() if value}
    if entry.until is not None:
        item["until"] = to_timestamp(entry.until)
    return item


def to_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, rounded up to a second: a rest is never cut short."""
    whole = moment.astimezone(UTC)
    if whole.microsecond:
        whole = whole.replace(microsecond=0) + timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


def to_stream_node(node: NodeFacts) -> dict[str, Any]:
    """The StreamNode of a Node, without status; owned by the Node, so that it goes with it."""
    return {
        "apiVersion": STREAM_NODES.api_version,
        "kind": STREAM_NODES.kind,
        "metadata": {"name": node.name, "ownerReferences": [to_owner_reference(node)]},
    }


def to_owner_reference(node: NodeFacts) -> dict[str, Any]:
    """Reference that makes the garbage collector remove a StreamNode after its Node."""
    return {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}
