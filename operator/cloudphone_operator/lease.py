"""
Leader election by a Lease: at most one operator acts.

Follows client-go's `leaderelection`: a candidate takes the Lease when it has not seen it change for
the Lease's duration by its own monotonic clock, so the clocks of the nodes need not agree; a
leader that cannot renew in time stops before anybody else may start. `kubernetes.aio` has an
election too, but it compares wall clocks, waits without limit on a request, and never gives the
Lease back.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from cloudphone_operator.errors import OperatorError
from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import AlreadyExists, Conflict, KubeError
from cloudphone_operator.kube.resources import LEASES

LEASE_DURATION_S = 10
"""A Lease that did not change for so long may be taken."""
RENEW_DEADLINE_S = 7.0
"""A leader that could not renew for so long stops; below the duration by more than one request."""
RETRY_PERIOD_S = 2.0
"""Time between two looks at the Lease."""

_STOP_TIMEOUT_S = 5.0
_RELEASE_TIMEOUT_S = 2.0

_logger = logging.getLogger(__name__)


class LeadershipLost(OperatorError):
    """The Lease could not be renewed, or another has it; whatever acts must stop."""


class LeaderElector:
    """
    One candidate for one Lease.

    Args:
        kube: Access to the API server.
        namespace: Namespace of the Lease.
        name: Name of the Lease.
        identity: This candidate; the pod's name, so that a restarted container goes on at once.
    """

    def __init__(self, kube: KubeClient, *, namespace: str, name: str, identity: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seen_version = ""
        self._seen_at_s = 0.0
        self._holder = ""
        self._read_at_s = asyncio.get_running_loop().time()

    @property
    def silent_s(self) -> float:
        """Seconds since the Lease was last read or written; for the readiness probe."""
        return asyncio.get_running_loop().time() - self._read_at_s

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """
        Wait for the Lease, then run `lead` while it is kept.

        When `lead` ends, or this is cancelled, `lead` is cancelled and waited for while the Lease
        is still renewed; then the Lease is given back, and the next candidate takes it within one
        retry period.

        Args:
            lead: What only the leader does; called once.
        Raises:
            LeadershipLost: If the Lease was lost; `lead` has been cancelled.
        """
        await self._acquire()
        _logger.info("leading: %s holds Lease %s/%s", self._identity, self._namespace, self._name)
        leading = asyncio.create_task(lead(), name="lead")
        keeping = asyncio.create_task(self._keep(), name="keep-lease")
        try:
            await asyncio.wait({leading, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
            leading.result()
        finally:
            ended = await _stop(leading)
            kept = not keeping.done()
            await _stop(keeping)
            # Work that would not end may still act: then the Lease has to run out.
            if ended and kept:
                await self._give_back()

    async def _acquire(self) -> None:
        while True:
            if await self._try_to_hold():
                return
            await asyncio.sleep(RETRY_PERIOD_S)

    async def _keep(self) -> None:
        """Renew until that fails for too long; ends only by an error."""
        loop = asyncio.get_running_loop()
        renewed_at_s = loop.time()
        while True:
            await asyncio.sleep(RETRY_PERIOD_S)
            try:
                async with asyncio.timeout_at(renewed_at_s + RENEW_DEADLINE_S):
                    # The Lease counts from before the request: the answer may have been slow.
                    sent_at_s = loop.time()
                    while not await self._try_to_hold():
                        if self._holder not in {"", self._identity}:
                            raise LeadershipLost(
                                f"Lease {self._namespace}/{self._name} is held by {self._holder}; "
                                f"expected {self._identity}"
                            )
                        await asyncio.sleep(RETRY_PERIOD_S)
                        sent_at_s = loop.time()
            except TimeoutError:
                raise LeadershipLost(
                    f"Lease {self._namespace}/{self._name} was not renewed for {RENEW_DEADLINE_S} s"
                ) from None
            renewed_at_s = sent_at_s

    async def _try_to_hold(self) -> bool:
        """Take or renew the Lease; False if another has it or the API server refuses."""
        try:
            lease = await self._kube.get(LEASES, self._namespace, self._name)
            if lease is None:
                await self._kube.create(self._manifest({}, transitions=0))
            elif self._may_take(lease):
                await self._kube.replace(self._successor(lease))
            else:
                return False
        except (AlreadyExists, Conflict) as error:
            _logger.debug("another was first: %s", error)
            return False
        except KubeError as error:
            _logger.warning("Lease %s/%s: %s", self._namespace, self._name, error)
            return False
        now_s = asyncio.get_running_loop().time()
        self._read_at_s = now_s
        self._holder = self._identity
        return True

    def _may_take(self, lease: Mapping[str, Any]) -> bool:
        now_s = asyncio.get_running_loop().time()
        self._read_at_s = now_s
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version = version
            self._seen_at_s = now_s
        spec = lease.get("spec") or {}
        self._holder = spec.get("holderIdentity") or ""
        duration_s = spec.get("leaseDurationSeconds") or LEASE_DURATION_S
        return self._holder in {"", self._identity} or now_s >= self._seen_at_s + duration_s

    def _successor(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        spec = lease.get("spec") or {}
        transitions = spec.get("leaseTransitions") or 0
        if spec.get("holderIdentity") == self._identity:
            manifest = self._manifest(lease["metadata"], transitions=transitions)
            manifest["spec"]["acquireTime"] = spec.get("acquireTime") or _now()
            return manifest
        return self._manifest(lease["metadata"], transitions=transitions + 1)

    def _manifest(self, metadata: Mapping[str, Any], *, transitions: int) -> dict[str, Any]:
        now = _now()
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {**metadata, "namespace": self._namespace, "name": self._name},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": LEASE_DURATION_S,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(_RELEASE_TIMEOUT_S):
                lease = await self._kube.get(LEASES, self._namespace, self._name)
                if lease is None or lease["spec"].get("holderIdentity") != self._identity:
                    return
                spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._kube.replace({**lease, "spec": spec})
        except (KubeError, TimeoutError) as error:
            _logger.warning(
                "Lease not given back, it runs out in %d s: %s", LEASE_DURATION_S, error
            )
        else:
            _logger.info("Lease %s/%s given back", self._namespace, self._name)


async def _stop(task: asyncio.Task[None]) -> bool:
    """Cancel a task and wait for it; False if it would not end in time."""
    task.cancel()
    await asyncio.wait({task}, timeout=_STOP_TIMEOUT_S)
    return task.done()


def _now() -> str:
    """RFC 3339 with microseconds, as `metav1.MicroTime`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
