"""The chain of steps: from one observation to one decision."""

from cloudphone_operator.conditions import false, true, unknown
from cloudphone_operator.decide.children import ChildrenStep, keep_children
from cloudphone_operator.decide.conclude import Facts, conclude
from cloudphone_operator.decide.ending import end_session, is_finished, wait_for_deletion
from cloudphone_operator.decide.node import NodeChoice, choose_node
from cloudphone_operator.decide.pod import Place, PodStep, current_pod, keep_pod, tidy_pods
from cloudphone_operator.decide.ports import PortsStep, hold_ports
from cloudphone_operator.decide.streamer import StreamerView, view_streamer
from cloudphone_operator.model.cluster import Pod
from cloudphone_operator.model.decision import Decision, FailureKind, PushDocument
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.status import Condition, ConditionStatus, ConditionType, Endpoints
from cloudphone_operator.phase import UNSCHEDULABLE
from cloudphone_protocol.addresses import join_host_port

_LOOK_AGAIN_S = 30.0
"""For what may change without an event that reaches this session."""
_LEFTOVER_S = 1.0
_PUSH_AGAIN_S = 10.0
"""A push that fails is no event; a streamer that took it reports at once, and then none is due."""


def decide(observed: Observed, policy: Policy) -> Decision:
    """
    Decide what to do for one session.

    It is idempotent: once its actions are done and observed, it decides on none.
    """
    session = observed.session
    # Make sure nothing is made for a session that is on its way out.
    if session.deleting:
        return wait_for_deletion(observed)
    if session.lifecycle.suspended or is_finished(session, observed.now):
        return end_session(observed)

    current = current_pod(observed.pods)
    view = view_streamer(observed, current)
    device = observed.finding.device
    choice = choose_node(observed)
    held = hold_ports(observed, choice)

    children: ChildrenStep | None = None
    pod_step = PodStep(actions=tidy_pods(observed, current))
    # Make sure nothing is created before the phone is there and ports are held for it.
    if device is not None and choice.node is not None and held.ports:
        children = keep_children(observed, device, held.ports, policy)
        place = Place(device=device, node=choice.node, ports=held.ports, blocked=children.blocked)
        pod_step = keep_pod(observed, place, view, policy)

    refused = next((each for each in observed.failures if each.kind is FailureKind.REFUSED), None)
    push = _push(children, view, current)
    # Make sure what was refused is not asked for again at once: the answer would be the same.
    actions = (
        ()
        if refused is not None
        else (
            *held.actions,
            *(children.actions if children is not None else ()),
            *pod_step.actions,
            *push,
        )
    )
    facts = Facts(
        device_ready=observed.finding.condition,
        ports_allocated=held.condition,
        pod_scheduled=_scheduled(current),
        view=view,
        pod=current,
        node=choice.node,
        ports=held.ports,
        ports_node=held.node_name,
        device=device,
        endpoints=_endpoints(observed, choice, policy),
        waiting=_waiting(choice, held, children, pod_step),
        stalled=_stalled(observed, view, children, pod_step, refused.message if refused else ""),
        update_pending=pod_step.update_pending,
    )
    look_again = [pod_step.look_again_s, view.look_again_s]
    if refused is not None or choice.problem or held.condition.reason == "NoPortFree":
        look_again.append(_LOOK_AGAIN_S)
    if push:
        look_again.append(_LOOK_AGAIN_S if view.silent else _PUSH_AGAIN_S)
    if children is not None and children.blocked:
        look_again.append(_LEFTOVER_S if children.leftover else _LOOK_AGAIN_S)
    return conclude(observed, facts, actions, look_again)


def _push(
    children: ChildrenStep | None, view: StreamerView, current: Pod | None
) -> tuple[PushDocument, ...]:
    """
    Make sure a running streamer runs the current document, by what it says itself.

    One that says nothing may have been told to report to where no operator is any more, and only
    the document says where to; for any other a push of what it runs changes nothing.
    """
    if children is None or current is None or not current.ip:
        return ()
    runs_another = (
        view.report is not None and view.report.document_version != children.document.version()
    )
    if not runs_another and not view.silent:
        return ()
    return (PushDocument(pod_ip=current.ip, document=children.document),)


def _scheduled(pod: Pod | None) -> Condition:
    """PodScheduled, word for word as the pod has it."""
    type_ = ConditionType.POD_SCHEDULED
    if pod is None:
        return unknown(type_, "NoPod", "There is no streamer pod.")
    if pod.scheduled is None:
        if pod.node_name:
            return true(type_, "Scheduled", f"Pod {pod.name} is on node {pod.node_name}.")
        return unknown(type_, "Scheduling", f"Pod {pod.name} waits for the scheduler.")
    if pod.scheduled.status is ConditionStatus.TRUE:
        return true(
            type_,
            pod.scheduled.reason or "Scheduled",
            pod.scheduled.message or f"Pod {pod.name} is on node {pod.node_name}.",
        )
    return false(type_, pod.scheduled.reason or UNSCHEDULABLE, pod.scheduled.message)


def _endpoints(observed: Observed, choice: NodeChoice, policy: Policy) -> Endpoints | None:
    address = observed.service_address
    if address is None:
        return None
    if policy.service_type == "NodePort":
        if address.node_port is None or choice.node is None:
            return None
        base = f"http://{join_host_port(choice.node.addresses[0], address.node_port)}"
    else:
        base = f"http://{join_host_port(address.cluster_ip, address.port)}"
    return Endpoints(whep=f"{base}/whep", viewer=f"{base}/", api=base)


def _waiting(
    choice: NodeChoice, held: PortsStep, children: ChildrenStep | None, pod_step: PodStep
) -> tuple[str, str] | None:
    """Reason and sentence on what keeps the pod from being made; None if nothing does."""
    if choice.problem:
        return "NoNode", choice.problem
    if not held.ports:
        return held.condition.reason, held.condition.message
    if children is not None and children.leftover:
        return "FormerSession", children.leftover
    return pod_step.waiting


def _stalled(
    observed: Observed,
    view: StreamerView,
    children: ChildrenStep | None,
    pod_step: PodStep,
    refused: str,
) -> tuple[str, str] | None:
    """Reason and sentence on what only a person can change; None if there is no such thing."""
    if observed.finding.hopeless:
        return observed.finding.condition.reason, observed.finding.condition.message
    if pod_step.image_refused:
        return "ImageNotAllowed", pod_step.image_refused
    if children is not None and children.taken:
        return FailureKind.NAME_TAKEN.value, children.taken
    if refused:
        return FailureKind.REFUSED.value, refused
    if view.crashes:
        return "StreamerFails", view.crashes
    return None
