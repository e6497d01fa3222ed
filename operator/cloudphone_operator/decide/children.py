"""Are Secret, Service and NetworkPolicy as they should be?"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.kube.resources import STREAM_SESSIONS
from cloudphone_operator.manifests.difference import fulfils
from cloudphone_operator.manifests.document import session_document
from cloudphone_operator.manifests.networkpolicy import session_network_policy
from cloudphone_operator.manifests.secret import session_secret
from cloudphone_operator.manifests.service import session_service
from cloudphone_operator.model.cluster import Child
from cloudphone_operator.model.decision import Action, ApplyChild, ApplySecret
from cloudphone_operator.model.device import Device
from cloudphone_operator.model.observed import Observed
from cloudphone_operator.model.policy import Policy
from cloudphone_protocol.session import SessionDocument


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChildrenStep:
    """
    What to do about the children.

    Args:
        document: The session document as it should be.
        actions: What brings them there.
        leftover: Sentence on a namesake of a former session that is still there; empty if none is.
        taken: Sentence on a name that something else has; empty if none has.
    """

    document: SessionDocument
    actions: tuple[Action, ...] = ()
    leftover: str = ""
    taken: str = ""

    @property
    def blocked(self) -> bool:
        """Whether a pod could not be made now."""
        return bool(self.leftover or self.taken)


def keep_children(
    observed: Observed, device: Device, ports: tuple[int, ...], policy: Policy
) -> ChildrenStep:
    """Bring the children to what session, phone and ports call for."""
    session = observed.session
    document = session_document(session, device, policy)
    service = session_service(session, policy)
    network_policy = session_network_policy(session, ports, policy)
    for kind, child in (
        ("Secret", observed.secret),
        ("Service", observed.service),
        ("NetworkPolicy", observed.network_policy),
    ):
        if child is None or child.controller_uid == session.uid:
            continue
        name = names.child_name(session.key.name)
        if child.controller_kind == STREAM_SESSIONS.kind:
            # Make sure two owners never meet in one object: the garbage collector is on its way.
            return ChildrenStep(
                document=document,
                leftover=f"Waiting until {kind} {name} of a former session is removed.",
            )
        return ChildrenStep(
            document=document,
            taken=f"{kind} {name} exists and is not this session's; delete it or name the session "
            "differently.",
        )
    actions: list[Action] = []
    if not _secret_is_right(observed, document):
        actions.append(ApplySecret(document=document))
    if observed.service is None or not fulfils(observed.service.live, service):
        actions.append(ApplyChild(manifest=service))
    if not _policy_is_right(observed.network_policy, network_policy):
        actions.append(ApplyChild(manifest=network_policy))
    return ChildrenStep(document=document, actions=tuple(actions))


def _secret_is_right(observed: Observed, document: SessionDocument) -> bool:
    return (
        observed.secret is not None
        and observed.secret_has_keys
        and fulfils(observed.secret.live, session_secret(observed.session, document, {}))
    )


def _policy_is_right(child: Child | None, wanted: Mapping[str, Any]) -> bool:
    # Exactly, since there what is not named means something: a rule without `from` admits all.
    return (
        child is not None
        and fulfils(child.live, wanted)
        and child.live.get("spec") == wanted["spec"]
    )
