"""
Which sessions an event concerns. Pure.

Each session has topics: the objects whose change may matter to it. An event of such an object has
the same topic, and leads to the sessions that have it.
"""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.model.session import PodRef, PodSelector, Session, SessionKey
from cloudphone_operator.model.status import ConditionType
from cloudphone_operator.parse.fields import Fields


class About(StrEnum):
    """What a topic is about."""

    POD = "pod"
    """One pod, by namespace and name."""
    PODS = "pods"
    """The pods of a namespace."""
    NODE = "node"
    """One node, by name."""
    PORTS = "ports"
    """The ports of one node, by its name."""
    ANYWHERE = "anywhere"
    """All nodes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Topic:
    """Something that sessions may be concerned with."""

    about: About
    namespace: str = ""
    name: str = ""


ANYWHERE = Topic(About.ANYWHERE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A session that is concerned; `selector` where only some pods of its topic concern it."""

    key: SessionKey
    selector: PodSelector | None = None


def subscriptions_of(session: Session) -> dict[Topic, Subscription]:
    """What a session is concerned with, besides itself and its own pods."""
    found: dict[Topic, Subscription] = {}
    namespace, status = session.key.namespace, session.status
    plain = Subscription(key=session.key)
    match session.device:
        case PodRef(name=name):
            found[Topic(About.POD, namespace, name)] = plain
        case PodSelector() as selector:
            topic = Topic(About.PODS, namespace)
            found[topic] = Subscription(key=session.key, selector=selector)
        case _:
            if status.node_name is None:
                found[ANYWHERE] = plain
    if status.node_name is not None:
        found[Topic(About.NODE, name=status.node_name)] = plain
    ports = status.condition(ConditionType.PORTS_ALLOCATED)
    if ports is not None and ports.reason == "NoPortFree":
        # The node is that of the phone and not in the status: any ledger's change is a reason.
        found[Topic(About.PORTS)] = plain
    return found


def topics_of_pod(namespace: str, name: str) -> tuple[Topic, ...]:
    """Topics of an event about a pod."""
    return Topic(About.POD, namespace, name), Topic(About.PODS, namespace)


def owner_of_pod(metadata: Mapping[str, Any]) -> SessionKey | None:
    """The session that a pod's labels name; None if it is no streamer."""
    fields = Fields(metadata)
    labels = fields.text_map("labels")
    session = labels.get(names.LABEL_SESSION)
    if session is None or labels.get(names.LABEL_NAME) != names.STREAMER:
        return None
    return SessionKey(namespace=fields.text("namespace"), name=session)


def concerns(subscription: Subscription, labels: Mapping[str, str]) -> bool:
    """Whether an event of a pod with these labels concerns the subscriber."""
    return subscription.selector is None or subscription.selector.matches(dict(labels))
