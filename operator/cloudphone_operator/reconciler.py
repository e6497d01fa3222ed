"""
Reconciles sessions: observe, decide, act, and again until there is nothing to do; then the status.

One reconcile per session at a time; the queue sees to that. Nothing here is needed to go on after a
crash: what is remembered only spaces out repetitions.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from cloudphone_operator.apply import Actor
from cloudphone_operator.decide.session import decide
from cloudphone_operator.errors import OperatorError
from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import Conflict, NotFound
from cloudphone_operator.manifests.event import session_event
from cloudphone_operator.manifests.status import session_status
from cloudphone_operator.metrics import QUEUE_DEPTH, RECONCILE_SECONDS, RECONCILES, SESSIONS
from cloudphone_operator.model.decision import (
    Action,
    AllocatePorts,
    CreatePod,
    Decision,
    Failure,
    PushDocument,
)
from cloudphone_operator.model.notes import Note
from cloudphone_operator.model.observed import Observed, Replacements
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import Session, SessionKey
from cloudphone_operator.model.status import Phase
from cloudphone_operator.observe import Observer
from cloudphone_operator.queue import KeyedQueue
from cloudphone_operator.silence import Silence
from cloudphone_operator.transitions import notes_of_action, notes_of_change
from cloudphone_operator.writing import wait_before_writing_s

_ROUNDS_MAX = 6
"""More rounds than the longest way from nothing to a pod: ports, children and pod, look."""

_logger = logging.getLogger(__name__)


class Reconciler:
    """
    Works off the queue.

    Args:
        kube: Access to the API server, for status and Events.
        queue: Sessions to reconcile.
        observer: Reads.
        actor: Acts.
        silence: Watches over streamers whose reports count.
        policy: The operator's options.
        instance: Name of this replica, for Events.
        on_gone: Called with a session that no longer exists.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        queue: KeyedQueue,
        observer: Observer,
        actor: Actor,
        silence: Silence,
        policy: Policy,
        instance: str,
        on_gone: Callable[[SessionKey], None],
    ) -> None:
        self._kube = kube
        self._queue = queue
        self._observer = observer
        self._actor = actor
        self._silence = silence
        self._policy = policy
        self._instance = instance
        self._on_gone = on_gone
        self._replacements: dict[SessionKey, Replacements] = {}
        self._written_at: dict[SessionKey, datetime] = {}
        self._phases: dict[SessionKey, Phase] = {}

    async def work(self) -> None:
        """Reconcile one session after the other, for ever; several of these may run."""
        while True:
            key = await self._queue.get()
            QUEUE_DEPTH.set(len(self._queue))
            started_s = time.monotonic()
            try:
                look_again_s = await self._reconcile(key)
            except OperatorError as error:
                pause_s = self._queue.retry(key)
                RECONCILES.labels("error").inc()
                _logger.warning("%s: %s; again in %.1f s", key, error, pause_s)
            except Exception:
                # A fault of ours in one session must not end the work for all others.
                pause_s = self._queue.retry(key)
                RECONCILES.labels("fault").inc()
                _logger.exception("%s: fault; again in %.1f s", key, pause_s)
            else:
                self._queue.succeed(key)
                RECONCILES.labels("success").inc()
                if look_again_s is not None:
                    self._queue.add_after(key, look_again_s)
            finally:
                RECONCILE_SECONDS.observe(time.monotonic() - started_s)
                self._queue.done(key)

    async def _reconcile(self, key: SessionKey) -> float | None:
        """Bring one session to where it should be; returns when to look again, in seconds."""
        failures: tuple[Failure, ...] = ()
        notes: list[Note] = []
        observed = await self._look(key, failures)
        for rounds_left in reversed(range(_ROUNDS_MAX)):
            if observed is None:
                self._forget(key)
                return None
            decision = decide(observed, self._policy)
            acted = await self._actor.act(observed.session, decision.actions)
            failures += acted.failures
            notes += self._account(observed, acted.done)
            settled = not acted.failures and not _changes_the_world(decision.actions)
            if settled or rounds_left == 0:
                if not settled:
                    _logger.warning("%s: not settled after %d rounds", key, _ROUNDS_MAX)
                look_again_s = await self._write(observed, decision, notes)
                await self._tell(observed.session, notes)
                self._silence.watch(key, observed.report)
                return look_again_s
            if acted.done and all(isinstance(action, AllocatePorts) for action in acted.done):
                # The store says what it gave: the pod need not wait for another look.
                held = {**observed.held_ports, **acted.ports}
                observed = dataclasses.replace(observed, held_ports=held, failures=failures)
            else:
                observed = await self._look(key, failures)
        raise AssertionError("unreachable: the last round returns")

    async def _look(self, key: SessionKey, failures: tuple[Failure, ...]) -> Observed | None:
        return await self._observer.observe(
            key, replacements=self._replacements.get(key, Replacements()), failures=failures
        )

    def _account(self, observed: Observed, actions: tuple[Action, ...]) -> list[Note]:
        """Remember which pods were made, and say what is told of the actions."""
        key = observed.session.key
        for action in actions:
            former = self._replacements.get(key, Replacements())
            self._replacements[key] = former.after(action, observed.now)
            if isinstance(action, CreatePod):
                _logger.info("%s: created Pod %s", key, action.manifest["metadata"]["name"])
        return [note for action in actions for note in notes_of_action(action)]

    async def _write(
        self, observed: Observed, decision: Decision, notes: list[Note]
    ) -> float | None:
        session, after = observed.session, decision.status
        self._count(session.key, after.phase)
        now = datetime.now(UTC)
        pause_s = wait_before_writing_s(
            session.status, after, written_at=self._written_at.get(session.key), now=now
        )
        if pause_s is None:
            return decision.requeue_after_s
        if pause_s > 0:
            return min(pause_s, decision.requeue_after_s or pause_s)
        try:
            await self._kube.apply_status(session_status(session, after))
        except (NotFound, Conflict):
            return 0.0  # it is gone, another of the same name, or changed meanwhile: look again
        self._written_at[session.key] = now
        # What was found and taken comes before what was made of it.
        notes[:0] = notes_of_change(session.status, after)
        return decision.requeue_after_s

    async def _tell(self, session: Session, notes: list[Note]) -> None:
        now = datetime.now(UTC)
        for note in notes:
            await self._kube.create_event(
                session_event(session, note, instance=self._instance, now=now)
            )

    def _forget(self, key: SessionKey) -> None:
        self._queue.forget(key)
        self._silence.forget(key)
        self._replacements.pop(key, None)
        self._written_at.pop(key, None)
        phase = self._phases.pop(key, None)
        if phase is not None:
            SESSIONS.labels(phase.value).dec()
        self._on_gone(key)

    def _count(self, key: SessionKey, phase: Phase) -> None:
        before = self._phases.get(key)
        if before is phase:
            return
        if before is not None:
            SESSIONS.labels(before.value).dec()
        SESSIONS.labels(phase.value).inc()
        self._phases[key] = phase


def _changes_the_world(actions: tuple[Action, ...]) -> bool:
    # What came of a push is told by the streamer's next report, and not by another look now.
    return any(not isinstance(action, PushDocument) for action in actions)
