"""
One request to the API server a method, on one connection pool.

Objects go in and out as raw dicts. Every method may raise any `KubeError`; the docstrings name
those that mean more than "it failed".
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

from kubernetes.aio.client import ApiClient

from cloudphone_operator.kube.config import load_configuration
from cloudphone_operator.kube.errors import Conflict, KubeError, NotFound
from cloudphone_operator.kube.resources import EVENTS, Resource, resource_of
from cloudphone_operator.kube.transport import Transport
from cloudphone_operator.names import OPERATOR

_APPLY = "application/apply-patch+yaml"  # JSON is YAML; every served version takes this type
_LIST_CHUNK = 500

_logger = logging.getLogger(__name__)


class KubeClient:
    """
    Access to one API server.

    Args:
        transport: Carries the requests; `connect` makes and closes one.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(
        self, resource: Resource, namespace: str | None, name: str
    ) -> dict[str, Any] | None:
        """
        Read one object from the API server's storage, not from a cache.

        Returns:
            The object; None only if the API server says that there is none.
        Raises:
            KubeError: On every other answer. A `Forbidden` is no absence.
        """
        try:
            return await self._transport.call("GET", resource.path(namespace, name))
        except NotFound:
            return None

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[dict[str, Any]]:
        """
        Read all objects that match, from the API server's storage, not from a cache.

        Args:
            resource: Kind of the objects.
            namespace: Only this namespace; None for all.
            label_selector: As in `kubectl get -l`.
            field_selector: As in `kubectl get --field-selector`.
        Returns:
            One consistent snapshot, in the API server's order.
        Raises:
            KubeError: If the list could not be read whole.
        """
        selectors: list[tuple[str, str]] = []
        if label_selector is not None:
            selectors.append(("labelSelector", label_selector))
        if field_selector is not None:
            selectors.append(("fieldSelector", field_selector))
        path = resource.path(namespace)
        query = [*selectors, ("limit", str(_LIST_CHUNK))]
        items: list[dict[str, Any]] = []
        while True:
            try:
                page = await self._transport.call("GET", path, query=query)
            except KubeError as error:
                if error.status != HTTPStatus.GONE:
                    raise
                # The snapshot behind the continue token was compacted away: read in one piece.
                return list(
                    (await self._transport.call("GET", path, query=selectors)).get("items") or ()
                )
            items += page.get("items") or ()
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return items
            query = [*selectors, ("limit", str(_LIST_CHUNK)), ("continue", following)]

    async def apply(
        self, manifest: Mapping[str, Any], *, field_manager: str = OPERATOR
    ) -> dict[str, Any]:
        """
        Server-side apply: create the object, or set the fields that the manifest names.

        See KEP-555. Fields that this manager applied before and leaves out now are removed; fields
        that another manager owns are taken over.

        Args:
            manifest: Whole desired object. With `metadata.resourceVersion` it is a
                compare-and-swap too, and a `Conflict` if somebody has written since.
            field_manager: Owner of the fields.
        Returns:
            The object as stored.
        """
        return await self._apply(manifest, "", field_manager)

    async def apply_status(
        self, manifest: Mapping[str, Any], *, field_manager: str = OPERATOR
    ) -> dict[str, Any]:
        """
        Server-side apply of `status`; the object must exist.

        The API server does not look at `metadata.uid` here; only `metadata.resourceVersion` makes
        sure that no namesake made later is hit.

        Raises:
            NotFound: If the object does not exist.
            Conflict: If somebody has written since the given `metadata.resourceVersion`.
        """
        return await self._apply(manifest, "status", field_manager)

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """
        Create an object.

        Raises:
            AlreadyExists: If one of that name is there; after a lost answer that may be ours.
        """
        resource = resource_of(manifest)
        namespace = manifest["metadata"].get("namespace")
        query = [("fieldManager", OPERATOR)]
        return await self._transport.call(
            "POST", resource.path(namespace), query=query, body=manifest
        )

    async def replace(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """
        Write an object as a whole, if nobody has since its `metadata.resourceVersion`.

        Raises:
            Conflict: If somebody has.
        """
        return await self._replace(manifest, "")

    async def replace_status(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """
        Write `status` as a whole, if nobody has written since its `metadata.resourceVersion`.

        Raises:
            Conflict: If somebody has: a compare-and-swap.
        """
        return await self._replace(manifest, "status")

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace_period_s: int | None = None,
    ) -> None:
        """
        Ask for the deletion of one object and, in the background, of what it owns.

        An object that is gone already is no error. The object may live on for its grace period.

        Args:
            resource: Kind of the object.
            namespace: Its namespace; None for a cluster-scoped kind.
            name: Its name.
            uid: Delete this one only, not a namesake made later.
            grace_period_s: Time for the object to end; None for its own setting.
        Raises:
            Conflict: If the object of that name has another uid.
        """
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
        }
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        with contextlib.suppress(NotFound):
            await self._transport.call("DELETE", resource.path(namespace, name), body=options)

    async def create_event(self, manifest: Mapping[str, Any]) -> None:
        """Tell people by an Event (events.k8s.io/v1); one that cannot be written is only logged."""
        namespace = manifest["metadata"]["namespace"]
        try:
            await self._transport.call("POST", EVENTS.path(namespace), body=manifest)
        except KubeError as error:
            _logger.warning("event %s not written: %s", manifest.get("reason"), error)

    async def _apply(
        self, manifest: Mapping[str, Any], sub: str, field_manager: str
    ) -> dict[str, Any]:
        metadata = manifest["metadata"]
        return await self._transport.call(
            "PATCH",
            resource_of(manifest).path(metadata.get("namespace"), metadata["name"], sub),
            query=[("fieldManager", field_manager), ("force", "true")],
            body=manifest,
            content_type=_APPLY,
        )

    async def _replace(self, manifest: Mapping[str, Any], sub: str) -> dict[str, Any]:
        metadata = manifest["metadata"]
        if not metadata.get("resourceVersion"):
            # Without it the API server writes unconditionally.
            raise Conflict("metadata.resourceVersion is absent; expected the one that was read")
        return await self._transport.call(
            "PUT",
            resource_of(manifest).path(metadata.get("namespace"), metadata["name"], sub),
            query=[("fieldManager", OPERATOR)],
            body=manifest,
        )


@contextlib.asynccontextmanager
async def connect(context: str | None = None) -> AsyncIterator[KubeClient]:
    """
    Open a client with the kubeconfig or the pod's service account, and close it at the end.

    Args:
        context: Context of the kubeconfig file; None for its current one.
    Raises:
        Unavailable: If no cluster is configured.
    """
    api = ApiClient(await load_configuration(context))
    api.user_agent = OPERATOR
    try:
        yield KubeClient(Transport(api))
    finally:
        await api.close()
