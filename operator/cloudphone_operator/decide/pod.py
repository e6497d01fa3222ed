"""Is there the one right streamer pod?"""

import dataclasses
from collections.abc import Iterable

from cloudphone_operator import names
from cloudphone_operator.decide.streamer import StreamerView
from cloudphone_operator.manifests.pod import spec_hash, streamer_pod
from cloudphone_operator.model.cluster import Node, Pod
from cloudphone_operator.model.decision import (
    Action,
    CreatePod,
    DeletePod,
    FailureKind,
    MarkForeign,
)
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.status import ConditionStatus

_PORTS_TAKEN = "didn't have free ports"
"""The scheduler's words, from its plugin NodePorts."""

_WAITS_FOR_VIEWERS = (
    "A change needs a new pod and waits until nobody watches; spec.lifecycle.allowDisruption "
    "would not let it wait."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where the pod must be, and for which phone.

    Args:
        device: The phone.
        node: Its node.
        ports: Media ports held there.
        blocked: Whether the children that a new pod needs cannot be there.
    """

    device: Device
    node: Node
    ports: tuple[int, ...]
    blocked: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PodStep:
    """
    What to do about the pod.

    Args:
        actions: In order.
        update_pending: Reason and sentence on a change that waits; None if none does.
        waiting: Reason and sentence on what a new pod waits for; None if it waits for nothing.
        image_refused: Sentence on an image that is not allowed; empty if it is.
        look_again_s: When to look again even if nothing happens.
    """

    actions: tuple[Action, ...] = ()
    update_pending: tuple[str, str] | None = None
    waiting: tuple[str, str] | None = None
    image_refused: str = ""
    look_again_s: float | None = None


def current_pod(pods: Iterable[Pod]) -> Pod | None:
    """Of a session's pods the one that serves: the latest that neither ends nor has ended."""
    alive = [pod for pod in pods if not pod.finished and not pod.deleting]
    return max(alive, key=lambda pod: pod.attempt, default=None)


def last_attempt(observed: Observed) -> int:
    """Number of the latest pod there was: from the status and from the pods, whichever knows."""
    return max(observed.session.status.attempt, *(pod.attempt for pod in observed.pods), 0)


def tidy_pods(observed: Observed, current: Pod | None) -> tuple[Action, ...]:
    """Remove pods that have ended, and any that runs beside the current one."""
    return tuple(
        DeletePod(name=pod.name, uid=pod.uid, why=_why_gone(pod))
        for pod in sorted(observed.pods, key=lambda pod: pod.attempt)
        if pod is not current and not pod.deleting
    )


def keep_pod(observed: Observed, place: Place, view: StreamerView, policy: Policy) -> PodStep:
    """
    See to it that one pod runs in its place, made from the current spec.

    Args:
        observed: The session's world.
        place: Where and for which phone.
        view: The streamer in the current pod.
        policy: Image and allowed images.
    """
    current = current_pod(observed.pods)
    tidying = tidy_pods(observed, current)
    refused = _refuse_image(observed, policy)
    if current is None:
        return _make(observed, place, before=tidying, refused=refused, policy=policy)
    if current.node_name and current.node_name != place.node.name and not refused:
        # Make sure viewers follow the phone at once: on the old node there is nothing to see.
        leave = DeletePod(name=current.name, uid=current.uid, why="DeviceMoved", intended=True)
        return _make(observed, place, before=(*tidying, leave), refused=refused, policy=policy)
    if _ports_are_taken(current):
        # Deleted first: while the pod waits for the port, the ledger counts it as the port's user.
        return PodStep(
            actions=(
                *tidying,
                DeletePod(name=current.name, uid=current.uid, why="PortTaken", grace_period_s=0),
                MarkForeign(node_name=place.node.name, ports=current.host_ports),
            )
        )
    if current.spec_hash == spec_hash(observed.session, place.node, place.ports):
        return PodStep(actions=tidying, image_refused=refused)
    if refused:
        return PodStep(
            actions=tidying,
            update_pending=("ImageNotAllowed", f"The change cannot be made: {refused}"),
            image_refused=refused,
        )
    if view.watched and not observed.session.lifecycle.allow_disruption:
        return PodStep(
            actions=tidying,
            update_pending=(
                "ViewersConnected" if view.report is not None else "ViewersUnknown",
                _WAITS_FOR_VIEWERS,
            ),
        )
    replace = DeletePod(name=current.name, uid=current.uid, why="SpecChanged", intended=True)
    return PodStep(actions=(*tidying, replace))


def _make(
    observed: Observed,
    place: Place,
    *,
    before: tuple[Action, ...],
    refused: str,
    policy: Policy,
) -> PodStep:
    if refused or place.blocked:
        return PodStep(actions=before, image_refused=refused)
    if any(failure.kind is FailureKind.REFUSED for failure in observed.failures):
        return PodStep(actions=before)
    leaving = _leaving(observed, place)
    if leaving is not None:
        # Make sure the scheduler is not asked for a port that the former pod still has.
        return PodStep(
            actions=before,
            waiting=("FormerPodEnding", f"Waiting until Pod {leaving.name} has ended."),
        )
    wait_s = observed.replacements.wait_s(observed.now)
    if wait_s > 0:
        return PodStep(
            actions=before,
            waiting=(
                "BackOff",
                f"{observed.replacements.count} pods in a row did not last; the next one waits.",
            ),
            look_again_s=wait_s,
        )
    attempt = next_attempt(observed)
    manifest = streamer_pod(
        observed.session,
        attempt=attempt,
        device=place.device,
        node=place.node,
        ports=place.ports,
        policy=policy,
    )
    return PodStep(
        actions=(*before, CreatePod(manifest=manifest, replaces=_former(observed, before)))
    )


def next_attempt(observed: Observed) -> int:
    """Number of the next pod: after the last, past names that something else has."""
    taken = observed.taken_names | {failure.object_name for failure in observed.failures}
    attempt = last_attempt(observed) + 1
    while names.pod_name(observed.session.key.name, attempt) in taken:
        attempt += 1
    return attempt


def _refuse_image(observed: Observed, policy: Policy) -> str:
    image = observed.session.placement.image
    if image is None or image == policy.image or image in policy.allowed_images:
        return ""
    allowed = ", ".join(sorted(policy.allowed_images)) or "none"
    return (
        f"spec.placement.image is {image}; expected one of the operator's allowed images, "
        f"which are: {allowed}."
    )


def _ports_are_taken(pod: Pod) -> bool:
    return (
        pod.scheduled is not None
        and pod.scheduled.status is ConditionStatus.FALSE
        and _PORTS_TAKEN in pod.scheduled.message
    )


def _leaving(observed: Observed, place: Place) -> Pod | None:
    return next(
        (
            pod
            for pod in observed.pods
            if pod.deleting
            and not pod.finished
            and pod.node_name == place.node.name
            and not set(place.ports).isdisjoint(pod.host_ports)
        ),
        None,
    )


def _former(observed: Observed, before: tuple[Action, ...]) -> str:
    """What became of the pod that a new one replaces; empty if there was none."""
    for action in reversed(before):
        if isinstance(action, DeletePod):
            return f"Pod {action.name} ({action.why})"
    attempt = last_attempt(observed)
    name = names.pod_name(observed.session.key.name, attempt)
    return f"Pod {name} (Gone)" if attempt > 0 else ""


def _why_gone(pod: Pod) -> str:
    return (pod.reason or pod.phase) if pod.finished else "Surplus"
