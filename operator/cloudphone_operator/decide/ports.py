"""Which media ports does the session hold on its node?"""

import dataclasses

from cloudphone_operator.conditions import false, true, unknown
from cloudphone_operator.decide.node import NodeChoice
from cloudphone_operator.model.decision import Action, AllocatePorts, FailureKind, ReleasePorts
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.status import Condition, ConditionType
from cloudphone_operator.phase import ALLOCATING

_PORTS_ALLOCATED = ConditionType.PORTS_ALLOCATED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortsStep:
    """The ports held, and the node that they are of; empty until they are."""

    ports: tuple[int, ...] = ()
    node_name: str | None = None
    condition: Condition
    actions: tuple[Action, ...] = ()


def hold_ports(observed: Observed, choice: NodeChoice) -> PortsStep:
    """Hold ports on the chosen node, and return those of nodes where no pod needs them."""
    elsewhere = release_ports(observed, keep=choice.node.name if choice.node else None)
    if choice.node is None:
        held = {name: ports for name, ports in observed.held_ports.items() if ports}
        if held and not choice.problem:
            # The phone is away for a moment: its streamer keeps its place.
            name, ports = min(held.items())
            return PortsStep(ports=ports, node_name=name, condition=_held(ports, name))
        return PortsStep(
            condition=unknown(
                _PORTS_ALLOCATED,
                "NodeUnknown",
                choice.problem or "Waiting for the phone, whose node gives the ports.",
            ),
            actions=elsewhere if choice.problem else (),
        )
    name, count = choice.node.name, observed.session.media_port_count
    held_here = observed.held_ports.get(name, ())
    # A running pod keeps its ports when their number was changed, until it is replaced.
    if len(held_here) == count or (held_here and _in_use(observed, name)):
        return PortsStep(
            ports=held_here,
            node_name=name,
            condition=_held(held_here, name),
            actions=elsewhere,
        )
    for failure in observed.failures:
        if failure.kind is FailureKind.NO_PORT:
            return PortsStep(
                condition=false(_PORTS_ALLOCATED, "NoPortFree", f"{failure.message}."),
                actions=elsewhere,
            )
    return PortsStep(
        condition=false(_PORTS_ALLOCATED, ALLOCATING, f"Taking {count} media ports on {name}."),
        actions=(*elsewhere, AllocatePorts(node_name=name, count=count)),
    )


def release_ports(observed: Observed, *, keep: str | None) -> tuple[Action, ...]:
    """Return the ports of every node but `keep` on which no pod of the session is left."""
    return tuple(
        ReleasePorts(node_name=name)
        for name, ports in sorted(observed.held_ports.items())
        if ports and name != keep and not _in_use(observed, name)
    )


def _in_use(observed: Observed, node_name: str) -> bool:
    return any(
        not pod.finished and pod.host_ports and pod.node_name in {node_name, ""}
        for pod in observed.pods
    )


def _held(ports: tuple[int, ...], node_name: str) -> Condition:
    listed = str(ports[0]) if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
    return true(
        _PORTS_ALLOCATED, "PortsHeld", f"Media port {listed} of node {node_name}, UDP and TCP."
    )
