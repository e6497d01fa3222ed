"""The demo from nothing to a picture, and back to nothing."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev import cluster
from dev.cluster import ClusterHandle, DevError, Progress, Provider
from dev.demo import environment, stack, ticket
from dev.demo.environment import Demo
from dev.demo.stack import kubectl
from dev.tools.paths import CHECKOUT

NAMESPACE = "phones"
SESSIONS = ("phone-1", "phone-2")
TICKET_LIFETIME = "24h"
READY_TIMEOUT_S = 180
_MANIFESTS = CHECKOUT / "examples" / "demo"


def up(progress: Progress) -> Demo:
    """
    Bring up cluster, operator, two phones and their sessions; safe to repeat.

    Raises:
        DevError: With a sentence that says what to do.
    """
    handle = stack.install(progress)
    node = kubectl(handle, "get", "nodes", "--output=jsonpath={.items[0].metadata.name}")
    if handle.provider is not Provider.CURRENT:
        # There is no such GPU; the scheduler only counts.
        cluster.set_gpus(node, 2)
    else:
        stack.claim_namespace(handle, NAMESPACE)
    progress("applying examples/demo: two phones, a StreamSession each")
    kubectl(handle, "apply", "--server-side", "--filename=-", stdin=_manifests())
    _wait_until_ready(handle, progress)
    demo = _describe(handle)
    demo.save(handle)
    return demo


def down(progress: Progress) -> None:
    """Remove all that `up` made, also after a crash; a cluster that is not ours stays."""
    environment.forget()
    stack.remove(progress)


@contextmanager
def lent(progress: Progress) -> Iterator[Demo]:
    """Lend the demo to a benchmark; a cluster that was not there before goes with it."""
    was_up = cluster.is_up()
    try:
        yield up(progress)
    finally:
        if not was_up:
            down(progress)


def _manifests() -> str:
    texts = [path.read_text(encoding="utf-8") for path in sorted(_MANIFESTS.glob("*.yaml"))]
    return "\n---\n".join(texts).replace(f"{stack.LOCAL_IMAGES}/", f"{stack.image_prefix()}/")


def _wait_until_ready(handle: ClusterHandle, progress: Progress) -> None:
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    said: dict[str, str] = {}
    while True:
        ready = 0
        for session in _sessions(handle):
            name = session["metadata"]["name"]
            state = _ready_condition(session)
            ready += state["status"] == "True"
            line = f"{session['status'].get('phase', 'Pending')}: {state['message']}"
            if said.get(name) != line:
                said[name] = line
                progress(f"{name} {line}")
        if ready == len(SESSIONS):
            return
        if time.monotonic() > deadline_s:
            raise DevError(
                f"the sessions are not Ready after {READY_TIMEOUT_S} s; see `source .demo/env;"
                f" kubectl describe streams -n {NAMESPACE}` and `kubectl get events -n {NAMESPACE}`"
            )
        time.sleep(0.5)


def _sessions(handle: ClusterHandle) -> list[dict[str, Any]]:
    printed = kubectl(handle, "get", "streamsessions", f"--namespace={NAMESPACE}", "--output=json")
    items: list[dict[str, Any]] = json.loads(printed)["items"]
    return [item for item in items if item["metadata"]["name"] in SESSIONS]


def _ready_condition(session: dict[str, Any]) -> dict[str, str]:
    conditions = session.get("status", {}).get("conditions", [])
    unknown = {"status": "Unknown", "message": "The operator has not seen it yet."}
    return next((item for item in conditions if item["type"] == "Ready"), unknown)


def _describe(handle: ClusterHandle) -> Demo:
    session = SESSIONS[0]
    endpoints = json.loads(
        kubectl(
            handle, "get", "streamsession", session, f"--namespace={NAMESPACE}",
            "--output=jsonpath={.status.endpoints}",
        )
    )  # fmt: skip
    return Demo(
        kubeconfig=handle.kubeconfig,
        namespace=NAMESPACE,
        phone=session,
        page_url=handle.on_this_machine(endpoints["viewer"]),
        whep_url=handle.on_this_machine(endpoints["whep"]),
        token=ticket.mint(handle.kubeconfig, NAMESPACE, session, lifetime=TICKET_LIFETIME),
    )
