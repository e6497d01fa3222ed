"""
Acts out the actions of a decision, in their order.

What the API server refuses for good, or the port ledger cannot give, becomes a `Failure` for the
next decision; all else is raised, and the session is reconciled again after a pause.
"""

import asyncio
import base64
import dataclasses
import itertools
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import AlreadyExists, Conflict, Forbidden, Invalid
from cloudphone_operator.kube.resources import PODS, SECRETS, STREAM_SESSIONS
from cloudphone_operator.manifests.secret import session_secret
from cloudphone_operator.model.decision import (
    Action,
    AllocatePorts,
    ApplyChild,
    ApplySecret,
    CreatePod,
    DeletePod,
    DeleteSession,
    Failure,
    FailureKind,
    MarkForeign,
    PushDocument,
    ReleasePorts,
)
from cloudphone_operator.model.session import Session
from cloudphone_operator.observe import holder_of
from cloudphone_operator.parse.children import parse_secret_keys
from cloudphone_operator.parse.pod import parse_pod
from cloudphone_operator.ports.errors import NoPortFree
from cloudphone_operator.ports.store import PortStore
from cloudphone_operator.push import Applied, Pusher
from cloudphone_protocol.environment import CREDENTIAL_FILE, TICKET_KEY_FILE
from cloudphone_protocol.session import SessionDocument

_KEY_BYTES = 32

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """
    What came of a decision's actions.

    Args:
        done: Those that succeeded.
        failures: Why the others did not, where the next decision must know.
        ports: Media ports that were given, by node.
    """

    done: tuple[Action, ...] = ()
    failures: tuple[Failure, ...] = ()
    ports: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)


class Actor:
    """
    Acts for sessions.

    Args:
        kube: Access to the API server.
        store: The media ports of all nodes.
        pusher: Way to running streamers.
    """

    def __init__(self, kube: KubeClient, store: PortStore, pusher: Pusher) -> None:
        self._kube = kube
        self._store = store
        self._pusher = pusher

    async def act(self, session: Session, actions: tuple[Action, ...]) -> Acted:
        """
        Act, and stop at the first failure.

        The children are independent of each other and are written at the same time.

        Args:
            session: Whom it is for.
            actions: What to do.
        Raises:
            KubeError: If the API server could not do it now.
            PortError: If the ledger could not be written now.
        """
        acted = Acted()
        for _, numbered in itertools.groupby(enumerate(actions), _stage):
            group = [action for _, action in numbered]
            outcomes = await asyncio.gather(
                *(self._try(session, action) for action in group), return_exceptions=True
            )
            for action, outcome in zip(group, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                acted = _add(acted, action, outcome)
            if acted.failures:
                break
        return acted

    async def _try(
        self, session: Session, action: Action
    ) -> Failure | Mapping[str, tuple[int, ...]] | None:
        try:
            if isinstance(action, AllocatePorts):
                ports = await self._store.allocate(
                    action.node_name, holder_of(session), action.count, now=datetime.now(UTC)
                )
                return {action.node_name: ports}
            return await self._do(session, action)
        except NoPortFree as error:
            return Failure(kind=FailureKind.NO_PORT, message=str(error))
        except (Forbidden, Invalid) as error:
            return Failure(kind=FailureKind.REFUSED, message=str(error))

    async def _do(self, session: Session, action: Action) -> Failure | None:
        now = datetime.now(UTC)
        namespace = session.key.namespace
        match action:
            case ReleasePorts():
                await self._store.release(action.node_name, holder_of(session), now=now)
            case MarkForeign():
                await self._store.mark_foreign(action.node_name, action.ports, now=now)
            case ApplySecret():
                await self._apply_secret(session, action.document)
            case ApplyChild():
                await self._kube.apply(action.manifest)
            case CreatePod():
                return await self._create_pod(session, action.manifest)
            case DeletePod():
                await self._kube.delete(
                    PODS,
                    namespace,
                    action.name,
                    uid=action.uid,
                    grace_period_s=action.grace_period_s,
                )
            case PushDocument():
                await self._push(session, action)
            case DeleteSession():
                await self._kube.delete(
                    STREAM_SESSIONS, namespace, session.key.name, uid=session.uid
                )
        return None

    async def _apply_secret(self, session: Session, document: SessionDocument) -> None:
        """Write the Secret; its keys are made once and then never again."""
        name = names.child_name(session.key.name)
        stored = await self._kube.get(SECRETS, session.key.namespace, name)
        keys = parse_secret_keys(stored)
        for key_name in (TICKET_KEY_FILE, CREDENTIAL_FILE):
            if key_name not in keys:
                fresh = secrets.token_hex(_KEY_BYTES).encode()
                keys[key_name] = base64.b64encode(fresh).decode()
        manifest = session_secret(session, document, keys)
        if stored is None:
            # Not applied: that would write new keys over a Secret that came into being meanwhile.
            await self._kube.create(manifest)
            return
        metadata = stored["metadata"]
        manifest["metadata"]["uid"] = metadata["uid"]
        manifest["metadata"]["resourceVersion"] = metadata["resourceVersion"]
        await self._kube.apply(manifest)

    async def _create_pod(self, session: Session, manifest: Mapping[str, Any]) -> Failure | None:
        name = manifest["metadata"]["name"]
        try:
            await self._kube.create(manifest)
        except AlreadyExists:
            raw = await self._kube.get(PODS, session.key.namespace, name)
            if raw is None:
                raise Conflict(f"Pod {name} existed and is gone; expected either") from None
            if parse_pod(raw).controller_uid == session.uid:
                return None  # made by us before an answer was lost
            return Failure(
                kind=FailureKind.NAME_TAKEN,
                message=f"Pod {name} exists and is not this session's.",
                object_name=name,
            )
        return None

    async def _push(self, session: Session, action: PushDocument) -> None:
        """Push once; the Secret says the same, and the next report shows what came of it."""
        raw = await self._kube.get(
            SECRETS, session.key.namespace, names.child_name(session.key.name)
        )
        encoded = parse_secret_keys(raw).get(CREDENTIAL_FILE, "")
        credential = base64.b64decode(encoded).decode()
        result = await self._pusher.push(action.pod_ip, action.document, credential)
        if not isinstance(result, Applied):
            _logger.warning("%s: document not pushed: %s", session.key, result)


def _add(
    acted: Acted, action: Action, outcome: Failure | Mapping[str, tuple[int, ...]] | None
) -> Acted:
    if isinstance(outcome, Failure):
        return dataclasses.replace(acted, failures=(*acted.failures, outcome))
    return dataclasses.replace(
        acted, done=(*acted.done, action), ports={**acted.ports, **(outcome or {})}
    )


def _stage(numbered: tuple[int, Action]) -> int:
    """Actions that may go together have one stage; children do, all others are alone."""
    number, action = numbered
    return -1 if isinstance(action, ApplySecret | ApplyChild) else number
