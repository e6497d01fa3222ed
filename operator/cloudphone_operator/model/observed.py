"""Everything that was seen about one session at one moment."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta

from cloudphone_operator.model.cluster import Child, Node, Pod, ReceivedReport, ServiceAddress
from cloudphone_operator.model.decision import Action, CreatePod, DeletePod, Failure
from cloudphone_operator.model.device import DeviceFinding
from cloudphone_operator.model.session import Session

_LASTING = timedelta(minutes=10)
_DELAY_MAX_S = 300


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Replacements:
    """
    How often the streamer pod was made in a row without lasting ten minutes, and when last.

    The delay between them doubles, as the kubelet's does between restarts of a container. It is
    kept in memory only: a new operator begins anew, which costs one early attempt.
    """

    count: int = 0
    last_at: datetime | None = None

    def after(self, action: Action, now: datetime) -> "Replacements":
        """The count after an action done now; a pod taken away on purpose begins it anew."""
        match action:
            case DeletePod(intended=True):
                return Replacements()
            case CreatePod():
                lasted = self.last_at is None or now - self.last_at >= _LASTING
                return Replacements(count=1 if lasted else self.count + 1, last_at=now)
            case _:
                return self

    def wait_s(self, now: datetime) -> float:
        """
        Seconds until the next pod may be made.

        The first replacement is made at once: a single loss is no reason to let viewers wait.
        """
        if self.last_at is None or self.count < 2:
            return 0.0
        delay_s = min(2.0 ** (self.count - 2), _DELAY_MAX_S)
        return max(0.0, delay_s - (now - self.last_at).total_seconds())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """
    One session's world.

    Args:
        now: When it was seen.
        session: The session itself.
        finding: Its phone.
        nodes: The phone's node, or all nodes where any will do.
        pods: Its streamer pods, finished and terminating ones included.
        taken_names: Names of pods that are not its own but would be in its way.
        held_ports: Media ports that it holds, by node.
        secret: Its Secret.
        service: Its Service.
        service_address: How that Service is reached.
        network_policy: Its NetworkPolicy.
        secret_has_keys: Whether both keys are in it.
        report: What its streamer said last.
        listening_since: Since when reports are taken: silence before says nothing.
        replacements: How its streamer pods have fared.
        failures: What this reconciliation ran into so far.
    """

    now: datetime
    session: Session
    finding: DeviceFinding
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    taken_names: frozenset[str] = frozenset()
    held_ports: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    secret: Child | None = None
    service: Child | None = None
    service_address: ServiceAddress | None = None
    network_policy: Child | None = None
    secret_has_keys: bool = False
    report: ReceivedReport | None = None
    listening_since: datetime
    replacements: Replacements = Replacements()
    failures: tuple[Failure, ...] = ()
