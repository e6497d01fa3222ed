"""What only the leader does: puts the parts together and runs them until it is cancelled."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import aiohttp

from cloudphone_operator import kopf_shell
from cloudphone_operator.apply import Actor
from cloudphone_operator.errors import OperatorError
from cloudphone_operator.health import Health
from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.config import load_configuration
from cloudphone_operator.kube.errors import NotFound
from cloudphone_operator.kube.resources import STREAM_NODE_CLASSES, STREAM_NODES, STREAM_SESSIONS
from cloudphone_operator.metrics import LEADER
from cloudphone_operator.model.policy import Policy
from cloudphone_operator.model.session import SessionKey
from cloudphone_operator.observe import Observer
from cloudphone_operator.ports.store import PortStore
from cloudphone_operator.ports.sweep import PortSweeper
from cloudphone_operator.push import Pusher
from cloudphone_operator.queue import KeyedQueue
from cloudphone_operator.reconciler import Reconciler
from cloudphone_operator.reports.book import ReportBook
from cloudphone_operator.reports.endpoint import publish_leader
from cloudphone_operator.reports.server import ReportsServer
from cloudphone_operator.settings import Settings
from cloudphone_operator.silence import Silence
from cloudphone_operator.sweeping import SweepLoop

_WORKERS = 8
_STUCK_S = 120.0
"""No reconcile takes so long: every request has a time limit."""


class KindMissing(OperatorError):
    """A CRD is not installed."""


async def lead(
    kube: KubeClient,
    *,
    settings: Settings,
    book: ReportBook,
    reports: ReportsServer,
    health: Health,
    on_signal_handlers_lost: Callable[[], None],
) -> None:
    """
    Reconcile all sessions until cancelled.

    Args:
        kube: Access to the API server.
        settings: The operator's settings.
        book: What streamers report.
        reports: Takes the reports.
        health: Where the work is watched over.
        on_signal_handlers_lost: See `kopf_shell.watch`.
    Raises:
        KubeError: If the reports Service cannot be led to this replica.
        KindMissing: If the CRDs are not installed.
        WatchEnded: If the watches end.
    """
    listening_since = datetime.now(UTC)
    queue = KeyedQueue()
    # Reports first: streamers are told where to, and the first status rests on what they say.
    reports.start_taking(
        lambda namespace, name: queue.add(SessionKey(namespace=namespace, name=name))
    )
    LEADER.set(1)
    try:
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
            url = await publish_leader(
                kube,
                namespace=settings.pod_namespace,
                service=settings.reports_service_name,
                pod_ip=settings.pod_ip,
                port=settings.reports_port,
            )
            await require_kinds(kube, settings)
            policy = policy_of(settings, reports_url=url)
            store = PortStore(kube, quarantine=timedelta(seconds=settings.port_quarantine_seconds))
            sweeps = SweepLoop(PortSweeper(kube, store, namespaces=settings.watch_namespaces))
            silence = Silence(book.latest, queue.add)

            def on_gone(key: SessionKey) -> None:
                book.forget(key.namespace, key.name)
                sweeps.request()

            reconciler = Reconciler(
                kube,
                queue=queue,
                observer=Observer(
                    kube,
                    policy=policy,
                    latest_report=book.latest,
                    listening_since=listening_since,
                ),
                actor=Actor(kube, store, Pusher(http)),
                silence=silence,
                policy=policy,
                instance=settings.pod_name,
                on_gone=on_gone,
            )
            health.add_liveness("reconciler", lambda: _find_stuck(queue))
            group.create_task(sweeps.run(), name="sweeps")
            group.create_task(silence.run(), name="silence")
            for number in range(_WORKERS):
                group.create_task(reconciler.work(), name=f"reconciler-{number}")
            await kopf_shell.watch(
                await load_configuration(),
                namespaces=settings.watch_namespaces,
                enqueue=queue.add,
                on_signal_handlers_lost=on_signal_handlers_lost,
            )
    except ExceptionGroup as failures:
        # One part that fails ends the others; its error is what matters.
        raise failures.exceptions[0] from None
    finally:
        reports.stop_taking()
        health.remove("reconciler")
        LEADER.set(0)


async def require_kinds(kube: KubeClient, settings: Settings) -> None:
    """
    Make sure that the cluster knows our kinds, since watches of unknown ones would never begin.

    Args:
        kube: Access to the API server.
        settings: Where to look for sessions: in a watched namespace, since it may look in no other,
            or in its own, where few are.
    Raises:
        KindMissing: If it does not; the kubelet starts the process again.
    """
    for resource, where in (
        (STREAM_SESSIONS, next(iter(settings.watch_namespaces), settings.pod_namespace)),
        (STREAM_NODES, None),
        (STREAM_NODE_CLASSES, None),
    ):
        try:
            await kube.list(resource, where)
        except NotFound:
            raise KindMissing(
                f"the cluster does not know {resource.kind} ({resource.api_version}); "
                "install the CRDs, e.g. by the Helm chart"
            ) from None


def policy_of(settings: Settings, *, reports_url: str) -> Policy:
    """The part of the settings that decisions rest on."""
    return Policy(
        image=settings.streamer_image,
        image_pull_policy=settings.streamer_image_pull_policy.value,
        allowed_images=frozenset(settings.allowed_images),
        device_cidrs=settings.device_cidrs,
        service_type=settings.streamer_service_type.value,
        operator_namespace=settings.pod_namespace,
        reports_url=reports_url,
        log_level=settings.log_level,
    )


def _find_stuck(queue: KeyedQueue) -> str | None:
    longest_s = queue.longest_work_s()
    if longest_s < _STUCK_S:
        return None
    return f"a reconcile has been running for {longest_s:.0f} s; expected less than {_STUCK_S:.0f}"
