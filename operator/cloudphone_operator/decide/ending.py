"""Is the session suspended, at its end, or being deleted?"""

from datetime import datetime, timedelta

from cloudphone_operator.conditions import false, unknown
from cloudphone_operator.decide.conclude import Facts, Rest, conclude
from cloudphone_operator.decide.pod import current_pod
from cloudphone_operator.decide.ports import release_ports
from cloudphone_operator.decide.streamer import view_streamer
from cloudphone_operator.model.decision import Action, Decision, DeletePod, DeleteSession
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.session import Session
from cloudphone_operator.model.status import ConditionType


def is_finished(session: Session, now: datetime) -> bool:
    """Whether the session has ended by itself."""
    end = session.ends_at
    return end is not None and now >= end


def end_session(observed: Observed) -> Decision:
    """Take pod and ports away from a session that is suspended or at its end, and keep the rest."""
    session = observed.session
    rest = Rest.EXPIRED if is_finished(session, observed.now) else Rest.SUSPENDED
    actions: list[Action] = [
        DeletePod(name=pod.name, uid=pod.uid, why=rest.value, intended=True)
        for pod in sorted(observed.pods, key=lambda pod: pod.attempt)
        if not pod.deleting
    ]
    actions += release_ports(observed, keep=None)
    look_again: list[float | None] = []
    if rest is Rest.EXPIRED and session.lifecycle.ttl_after_finished_s is not None:
        end = session.ends_at
        assert end is not None  # it is expired
        removal = end + timedelta(seconds=session.lifecycle.ttl_after_finished_s)
        if observed.now >= removal:
            actions.append(DeleteSession())
        else:
            look_again.append((removal - observed.now).total_seconds())
    return conclude(observed, _resting(observed, rest), tuple(actions), look_again)


def wait_for_deletion(observed: Observed) -> Decision:
    """Do nothing: what the session owns goes with it, and the sweep returns its ports."""
    return conclude(observed, _resting(observed, Rest.TERMINATING), (), [])


def _resting(observed: Observed, rest: Rest) -> Facts:
    alive = [pod.name for pod in observed.pods if not pod.finished]
    held = {name: ports for name, ports in sorted(observed.held_ports.items()) if ports}
    pod = current_pod(observed.pods)
    view = view_streamer(observed, pod)
    sentence = rest.sentence
    return Facts(
        rest=rest,
        device_ready=observed.finding.condition,
        ports_allocated=false(ConditionType.PORTS_ALLOCATED, rest.value, sentence),
        pod_scheduled=unknown(ConditionType.POD_SCHEDULED, rest.value, sentence),
        view=view,
        pod=pod,
        ports=tuple(sorted(port for ports in held.values() for port in ports)),
        ports_node=next(iter(held), None),
        device=observed.finding.device,
        waiting=("PodTerminating", f"Waiting until Pod {', '.join(sorted(alive))} has ended.")
        if alive
        else None,
    )
