"""Node to `Node`: what placement needs to know of it."""

from collections.abc import Iterable
from typing import Any

from cloudphone_operator.model.cluster import Node, Taint
from cloudphone_operator.model.status import ConditionStatus
from cloudphone_operator.nodes import NodeClass, addresses_of, class_of
from cloudphone_operator.nodes import parse_node as parse_facts
from cloudphone_operator.parse.fields import Fields, ParseError
from cloudphone_operator.ports.ledger import Ledger


def parse_node(raw: Any, classes: Iterable[NodeClass], ledger: Ledger) -> Node:
    """
    Read a Node together with the settings of its class.

    Args:
        raw: v1 Node.
        classes: All StreamNodeClasses.
        ledger: The node's ports, to count the free ones.
    Raises:
        ParseError: If it does not have a Node's form.
    """
    whole = Fields(raw)
    spec, status = whole.child("spec"), whole.child("status")
    try:
        facts = parse_facts(raw)
        node_class = class_of(facts, classes)
        addresses = addresses_of(facts, node_class)
    except (AttributeError, KeyError, TypeError) as error:
        raise ParseError(f"node is {raw!r:.80}; expected a v1 Node: {error!r}") from None
    return Node(
        name=whole.child("metadata").text("name"),
        addresses=addresses,
        ready=any(
            condition.text("type") == "Ready"
            and condition.choice("status", ConditionStatus) is ConditionStatus.TRUE
            for condition in status.children("conditions")
        ),
        unschedulable=spec.boolean("unschedulable", default=False),
        taints=tuple(
            Taint(key=taint.text("key"), value=taint.text("value", ""), effect=taint.text("effect"))
            for taint in spec.children("taints")
        ),
        extended_resources=tuple(
            (name, int(quantity))
            for name, quantity in status.quantities("allocatable")
            if "/" in name and quantity.isascii() and quantity.isdigit()
        ),
        free_ports=_free_ports(node_class, ledger),
    )


def _free_ports(node_class: NodeClass, ledger: Ledger) -> int:
    if node_class.max_sessions is not None and len(ledger.holders) >= node_class.max_sessions:
        return 0
    return sum(1 for port in node_class.ports if port not in ledger.ports)
