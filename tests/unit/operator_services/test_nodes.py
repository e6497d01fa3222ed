from typing import Any

import pytest

from cloudphone_operator.nodes import (
    AddressFamily,
    AddressSource,
    NodeClass,
    NodeFacts,
    addresses_of,
    class_of,
    parse_node,
    parse_node_class,
)
from cloudphone_operator.ports.model import PortRange


def node(
    labels: dict[str, str] | None = None,
    annotated: str | None = None,
    external: tuple[str, ...] = (),
    internal: tuple[str, ...] = ("10.0.0.7",),
) -> NodeFacts:
    return NodeFacts(
        name="node-1",
        uid="uid",
        labels=labels or {},
        annotated=annotated,
        external=external,
        internal=internal,
    )


def test_a_node_is_read() -> None:
    raw: dict[str, Any] = {
        "metadata": {
            "name": "node-1",
            "uid": "uid",
            "labels": {"zone": "a"},
            "annotations": {"streaming.cloudphone.io/addresses": "203.0.113.7"},
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.0.0.7"},
                {"type": "Hostname", "address": "node-1"},
                {"type": "InternalIP", "address": "fd00::7"},
                {"type": "ExternalIP", "address": "198.51.100.7"},
            ]
        },
    }
    assert parse_node(raw) == node(
        {"zone": "a"}, "203.0.113.7", ("198.51.100.7",), ("10.0.0.7", "fd00::7")
    )
    assert parse_node({"metadata": {"name": "node-1", "uid": "uid"}}) == node(internal=())


def test_a_class_is_read_and_an_empty_one_has_the_defaults() -> None:
    assert parse_node_class(
        {
            "metadata": {"name": "edge"},
            "spec": {
                "nodeSelector": {"edge": "yes"},
                "mediaPortRange": {"first": 40000, "last": 40009},
                "addressPolicy": {"source": "ExternalIP", "families": ["IPv6"]},
                "maxSessions": 4,
            },
        }
    ) == NodeClass(
        name="edge",
        node_selector={"edge": "yes"},
        ports=PortRange(first=40000, last=40009),
        address_source=AddressSource.EXTERNAL_IP,
        families=(AddressFamily.IPV6,),
        max_sessions=4,
    )
    assert parse_node_class({"metadata": {"name": "all"}}) == NodeClass(name="all")


CLASSES = [
    NodeClass(name="default"),
    NodeClass(name="zone-b", node_selector={"zone": "b"}),
    NodeClass(name="gpu-2", node_selector={"zone": "a", "gpu": "yes"}),
    NodeClass(name="gpu-1", node_selector={"zone": "a", "gpu": "yes"}),
    NodeClass(name="zone-a", node_selector={"zone": "a"}),
]


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        pytest.param({}, "default", id="a class without selector fits all"),
        pytest.param({"zone": "a"}, "zone-a", id="more labels win"),
        pytest.param({"zone": "a", "gpu": "yes"}, "gpu-1", id="then the first by name"),
        pytest.param({"zone": "b", "gpu": "yes"}, "zone-b", id="every label must fit"),
    ],
)
def test_the_class_of_a_node(labels: dict[str, str], name: str) -> None:
    assert class_of(node(labels), CLASSES).name == name


def test_a_node_that_no_class_fits_takes_the_defaults() -> None:
    assert class_of(node({"zone": "c"}), CLASSES[1:]) == NodeClass()
    assert NodeClass().ports == PortRange(first=50000, last=50100)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(node(), ("10.0.0.7",), id="internal at last"),
        pytest.param(node(external=("198.51.100.7",)), ("198.51.100.7",), id="external before"),
        pytest.param(
            node(annotated="203.0.113.7, 2001:db8::7", external=("198.51.100.7",)),
            ("203.0.113.7", "2001:db8::7"),
            id="annotation first",
        ),
        pytest.param(
            node(annotated="phone.example.com,,2001:DB8:0::7,2001:db8::7"),
            ("2001:db8::7",),
            id="no names, each once, canonical",
        ),
        pytest.param(node(annotated=" "), ("10.0.0.7",), id="an empty annotation is none"),
        pytest.param(node(internal=()), (), id="none at all"),
    ],
)
def test_addresses_by_the_default_policy(facts: NodeFacts, expected: tuple[str, ...]) -> None:
    assert addresses_of(facts, NodeClass()) == expected


def test_a_policy_that_names_a_source_takes_no_other() -> None:
    external_only = NodeClass(address_source=AddressSource.EXTERNAL_IP)
    assert addresses_of(node(), external_only) == ()


def test_only_the_families_of_the_class_are_told() -> None:
    dual = node(internal=("10.0.0.7", "fd00::7"))
    assert addresses_of(dual, NodeClass(families=(AddressFamily.IPV6,))) == ("fd00::7",)
