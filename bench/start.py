"""
From `kubectl apply` of a StreamSession to its first frame.

One session after another on the same phone, images present: created -> pod seen -> Ready -> first
frame decoded by a WHEP viewer that starts when Ready is seen. All times are this program's, taken
from watches of the API server.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from kubernetes.aio import client, config, watch

from bench.report import summarize, table, write_result
from dev.demo.environment import Demo
from dev.demo.ticket import mint
from dev.tools.errors import DevError
from dev.tools.progress import Progress
from tests.support.whep import WhepViewer

RUNS = 20
TIMEOUT_S = 60
GROUP, VERSION, PLURAL = "streaming.cloudphone.io", "v1alpha1", "streamsessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds from the moment before the create request was sent."""

    pod_created_s: float
    ready_s: float
    first_frame_s: float
    join_s: float
    """From the WHEP offer to the first decoded frame."""


async def measure(demo: Demo, progress: Progress) -> None:
    """Start the demo's phone RUNS times, print the table and write bench/out/start.json."""
    await config.load_kube_config(str(demo.kubeconfig))
    async with client.ApiClient() as api:
        starts = []
        for number in range(1, RUNS + 1):
            try:
                starts.append(await asyncio.wait_for(_start_once(api, demo), TIMEOUT_S))
            except TimeoutError as error:
                raise DevError(
                    f"session {number} showed no frame within {TIMEOUT_S} s;"
                    f" see `kubectl get events -n {demo.namespace}`"
                ) from error
            progress(f"{number}/{RUNS}: Ready after {starts[-1].ready_s:.2f} s")
    rows = {
        "created -> pod created": summarize([s.pod_created_s for s in starts]),
        "created -> Ready": summarize([s.ready_s for s in starts]),
        "created -> first frame": summarize([s.first_frame_s for s in starts]),
        "WHEP offer -> first frame": summarize([s.join_s for s in starts]),
    }
    print(f"\nStart of a session, {RUNS} in sequence\n")
    print(
        table(
            ("what", "p50 s", "p99 s", "max s"),
            [
                (name, f"{d.p50:.2f}", f"{d.p99:.2f}", f"{d.maximum:.2f}")
                for name, d in rows.items()
            ],
        )
    )
    write_result("start", {"seconds": {name: asdict(d) for name, d in rows.items()}})


async def _start_once(api: client.ApiClient, demo: Demo) -> Start:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    sessions = client.CustomObjectsApi(api)
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "StreamSession",
        "metadata": {"name": name, "namespace": demo.namespace},
        "spec": {"device": {"podRef": {"name": demo.phone}}},
    }
    pods = asyncio.create_task(_first_pod(api, demo.namespace, name))
    ready = asyncio.create_task(_ready_session(api, demo.namespace, name))
    await asyncio.sleep(0.2)  # both watches are established
    started_s = time.monotonic()
    await sessions.create_namespaced_custom_object(GROUP, VERSION, demo.namespace, PLURAL, body)
    try:
        pod_s = await pods - started_s
        ready_at_s, session = await ready
        # A user has the ticket from elsewhere: minting it is no part of the start.
        minted_s = time.monotonic()
        ticket = await asyncio.to_thread(
            mint, demo.kubeconfig, demo.namespace, name, lifetime="60s"
        )
        joined_s = time.monotonic()
        async with WhepViewer(session["status"]["endpoints"]["whep"], ticket) as viewer:
            await viewer.connect()
            await viewer.next_frame()
            framed_s = time.monotonic()
    finally:
        await sessions.delete_namespaced_custom_object(GROUP, VERSION, demo.namespace, PLURAL, name)
        await _until_pods_are_gone(api, demo.namespace, name)
    return Start(
        pod_created_s=pod_s,
        ready_s=ready_at_s - started_s,
        first_frame_s=framed_s - started_s - (joined_s - minted_s),
        join_s=framed_s - joined_s,
    )


async def _first_pod(api: client.ApiClient, namespace: str, session: str) -> float:
    events = _events(client.CoreV1Api(api).list_namespaced_pod, namespace, session_label(session))
    async with events as stream:
        async for event in stream:
            if event["type"] == "ADDED":
                return time.monotonic()
    raise RuntimeError(f"no pod of {session}")


async def _ready_session(
    api: client.ApiClient, namespace: str, name: str
) -> tuple[float, dict[str, Any]]:
    resource = client.CustomObjectsApi(api).list_namespaced_custom_object
    async with watch.Watch().stream(
        resource, GROUP, VERSION, namespace, PLURAL, field_selector=f"metadata.name={name}"
    ) as stream:
        async for event in stream:
            session: dict[str, Any] = event["object"]
            conditions = session.get("status", {}).get("conditions", [])
            if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                return time.monotonic(), session
    raise RuntimeError(f"{name} never became Ready")


@asynccontextmanager
async def _events(resource: Any, namespace: str, selector: str) -> AsyncIterator[Any]:
    async with watch.Watch().stream(resource, namespace, label_selector=selector) as stream:
        yield stream


async def _until_pods_are_gone(api: client.ApiClient, namespace: str, session: str) -> None:
    while True:
        pods = await client.CoreV1Api(api).list_namespaced_pod(
            namespace, label_selector=session_label(session)
        )
        if not pods.items:
            return
        await asyncio.sleep(0.2)


def session_label(name: str) -> str:
    """Label selector of a session's streamer pods."""
    return f"streaming.cloudphone.io/session={name}"
