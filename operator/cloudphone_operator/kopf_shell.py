"""
Watches the cluster with kopf, and puts sessions into the queue. The only module that knows kopf.

Its handlers are of the kinds `event` and `index`, which leave nothing on the objects: no finalizer,
no annotation. They decide nothing; what they miss is made up for by the resync of each session.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import kopf
from kubernetes.aio.client import Configuration

from cloudphone_operator import names, routing
from cloudphone_operator.errors import OperatorError
from cloudphone_operator.kube.resources import (
    NODES,
    PODS,
    STREAM_NODE_CLASSES,
    STREAM_NODES,
    STREAM_SESSIONS,
    Resource,
)
from cloudphone_operator.model.cluster import Node
from cloudphone_operator.model.session import SessionKey
from cloudphone_operator.nodes import NodeFacts
from cloudphone_operator.nodes import parse_node as parse_facts
from cloudphone_operator.parse.fields import ParseError
from cloudphone_operator.parse.node import parse_node
from cloudphone_operator.parse.session import parse_session
from cloudphone_operator.ports.ledger import Ledger
from cloudphone_operator.routing import About, Subscription, Topic

_INACTIVITY_TIMEOUT_S = 70.0
"""
A watch without even a bookmark for so long is dead (kopf issue 1145); bookmarks come each minute.
"""
_CONNECT_TIMEOUT_S = 5.0
_REQUEST_TIMEOUT_S = 30.0
_RECONNECT_BACKOFF_S = 0.1
_WORKER_LIMIT = 1000
_WORKER_IDLE_S = 0.1
"""Handlers take microseconds; a worker that idles on would only hold up another object's."""

_Index = Mapping[Topic, Iterable[Subscription]]

_logger = logging.getLogger(__name__)


class WatchEnded(OperatorError):
    """kopf has stopped watching."""


async def watch(
    configuration: Configuration,
    *,
    namespaces: tuple[str, ...],
    enqueue: Callable[[SessionKey], None],
    on_signal_handlers_lost: Callable[[], None],
) -> None:
    """
    Watch until cancelled.

    Args:
        configuration: The API server and who we are.
        namespaces: Namespaces to watch for sessions and pods; empty for all.
        enqueue: Reconciles a session.
        on_signal_handlers_lost: Called once kopf has put its own handlers for SIGINT and SIGTERM.
    Raises:
        WatchEnded: If kopf ends by itself.
    """
    existing = {task for task in asyncio.all_tasks() if not task.done()}
    tasks = await kopf.spawn_tasks(
        registry=_build_registry(configuration, enqueue),
        settings=_build_settings(),
        # Ours to name: kopf would ask for the user's name, and in a container there is none.
        identity=names.OPERATOR,  # type: ignore[arg-type]  # a NewType of str that kopf keeps to itself
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
    )
    on_signal_handlers_lost()
    await kopf.run_tasks(tasks, ignored=existing)
    raise WatchEnded("kopf has stopped watching; expected it to go on until cancelled")


def _build_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    # The kinds are known and fixed: no need to watch CRDs and namespaces, or for rights to do so.
    settings.scanning.disabled = True
    settings.watching.inactivity_timeout = _INACTIVITY_TIMEOUT_S
    settings.watching.connect_timeout = _CONNECT_TIMEOUT_S
    settings.watching.reconnect_backoff = _RECONNECT_BACKOFF_S
    settings.networking.connect_timeout = _CONNECT_TIMEOUT_S
    settings.networking.request_timeout = _REQUEST_TIMEOUT_S
    settings.queueing.worker_limit = _WORKER_LIMIT
    settings.queueing.idle_timeout = _WORKER_IDLE_S
    settings.queueing.exit_timeout = 0.0
    # The process is ended by us, and by the kubelet if need be.
    settings.process.ultimate_exiting_timeout = None
    return settings


def _build_registry(
    configuration: Configuration, enqueue: Callable[[SessionKey], None]
) -> kopf.OperatorRegistry:
    # kopf types a handler by all of its keyword arguments; ours name those that they use.
    registry = kopf.OperatorRegistry()
    nodes: dict[str, tuple[Node, NodeFacts]] = {}

    def publish(topics: Iterable[Topic], subscriptions: _Index) -> None:
        for topic in topics:
            for subscription in subscriptions.get(topic, ()):
                enqueue(subscription.key)

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _connection_info(configuration)

    @kopf.index(*_selector(STREAM_SESSIONS), id="subscriptions", registry=registry)
    async def subscriptions(body: kopf.Body, **_: Any) -> dict[Topic, Subscription]:
        try:
            return routing.subscriptions_of(parse_session(dict(body)))
        except ParseError as error:
            _logger.warning("%s/%s: %s", body.metadata.namespace, body.metadata.name, error)
            return {}

    @kopf.on.event(*_selector(STREAM_SESSIONS), registry=registry)  # type: ignore[arg-type]
    async def session_changed(namespace: str, name: str, **_: Any) -> None:
        enqueue(SessionKey(namespace=namespace, name=name))

    @kopf.on.event(*_selector(PODS), registry=registry)  # type: ignore[arg-type]
    async def pod_changed(
        body: kopf.Body, namespace: str, name: str, subscriptions: _Index, **_: Any
    ) -> None:
        owner = routing.owner_of_pod(dict(body.metadata))
        if owner is not None:
            enqueue(owner)
        labels = body.metadata.labels
        for topic in routing.topics_of_pod(namespace, name):
            for subscription in subscriptions.get(topic, ()):
                if routing.concerns(subscription, labels):
                    enqueue(subscription.key)

    @kopf.on.event(*_selector(NODES), registry=registry)  # type: ignore[arg-type]
    async def node_changed(
        type: str | None,  # noqa: A002 - kopf's name
        body: kopf.Body,
        name: str,
        subscriptions: _Index,
        **_: Any,
    ) -> None:
        # Make sure the kubelet's heartbeats wake nobody: only what a decision looks at counts.
        try:
            node = None if type == "DELETED" else _look_at_node(dict(body))
        except ParseError as error:
            _logger.warning("Node %s: %s", name, error)
            return
        if nodes.get(name) == node:
            return
        if node is None:
            nodes.pop(name, None)
        else:
            nodes[name] = node
        publish((Topic(About.NODE, name=name), routing.ANYWHERE), subscriptions)

    @kopf.on.event(*_selector(STREAM_NODES), registry=registry)  # type: ignore[arg-type]
    async def ports_changed(subscriptions: _Index, **_: Any) -> None:
        publish((Topic(About.PORTS),), subscriptions)

    @kopf.on.event(*_selector(STREAM_NODE_CLASSES), registry=registry)  # type: ignore[arg-type]
    async def class_changed(subscriptions: _Index, **_: Any) -> None:
        publish(list(subscriptions), subscriptions)

    return registry


def _look_at_node(raw: dict[str, Any]) -> tuple[Node, NodeFacts]:
    """All of a Node that decisions rest on; labels and addresses too, by which its class goes."""
    return parse_node(raw, (), Ledger()), parse_facts(raw)


def _selector(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural


async def _connection_info(configuration: Configuration) -> kopf.ConnectionInfo:
    """Our own credentials for kopf's connections, so that both speak to the same API server."""
    header = await configuration.get_api_key_with_prefix("BearerToken") or ""
    scheme, _, token = header.rpartition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy,
    )
