"""The kinds that the operator deals with, and the paths that the API server serves them at."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from cloudphone_operator.kube.errors import Invalid

GROUP = "streaming.cloudphone.io"
VERSION = "v1alpha1"

# RFC 1123 subdomain: what the API server takes as a name, and nothing that changes a path.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """
    One kind of object.

    Args:
        group: API group; empty for the core group.
        version: API version.
        plural: Name in paths.
        kind: Name in manifests.
        namespaced: Whether objects lie in a namespace.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """`apiVersion` of manifests of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """
        Path of one object or, without `name`, of a collection.

        Args:
            namespace: Namespace; None for a cluster-scoped kind or a collection of all namespaces.
            name: Name of the object.
            sub: Subresource, e.g. `status`.
        Raises:
            Invalid: If a name cannot be one, or the namespace fits ill.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if namespace is not None and not self.namespaced:
            raise Invalid(f"namespace is {namespace!r}; expected none for kind {self.kind}")
        if namespace is None and name is not None and self.namespaced:
            raise Invalid(f"namespace is absent; expected one for {self.kind} {name!r}")
        parts = [root]
        if namespace is not None:
            parts += ["namespaces", _checked("namespace", namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_checked("name", name))
        if sub:
            parts.append(sub)
        return "/".join(parts)


def _checked(field: str, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise Invalid(f"{field} is {value!r:.80}; expected a DNS-1123 subdomain")
    return value


def _own(plural: str, kind: str, *, namespaced: bool) -> Resource:
    return Resource(group=GROUP, version=VERSION, plural=plural, kind=kind, namespaced=namespaced)


def _core(plural: str, kind: str, *, namespaced: bool = True) -> Resource:
    return Resource(group="", version="v1", plural=plural, kind=kind, namespaced=namespaced)


STREAM_SESSIONS = _own("streamsessions", "StreamSession", namespaced=True)
STREAM_NODES = _own("streamnodes", "StreamNode", namespaced=False)
STREAM_NODE_CLASSES = _own("streamnodeclasses", "StreamNodeClass", namespaced=False)
PODS = _core("pods", "Pod")
SECRETS = _core("secrets", "Secret")
SERVICES = _core("services", "Service")
NODES = _core("nodes", "Node", namespaced=False)
NETWORK_POLICIES = Resource(
    group="networking.k8s.io",
    version="v1",
    plural="networkpolicies",
    kind="NetworkPolicy",
    namespaced=True,
)
ENDPOINT_SLICES = Resource(
    group="discovery.k8s.io",
    version="v1",
    plural="endpointslices",
    kind="EndpointSlice",
    namespaced=True,
)
LEASES = Resource(
    group="coordination.k8s.io", version="v1", plural="leases", kind="Lease", namespaced=True
)
EVENTS = Resource(
    group="events.k8s.io", version="v1", plural="events", kind="Event", namespaced=True
)

_ALL = (
    STREAM_SESSIONS,
    STREAM_NODES,
    STREAM_NODE_CLASSES,
    PODS,
    SECRETS,
    SERVICES,
    NODES,
    NETWORK_POLICIES,
    ENDPOINT_SLICES,
    LEASES,
    EVENTS,
)
_BY_KIND = {(resource.api_version, resource.kind): resource for resource in _ALL}


def resource_of(manifest: Mapping[str, Any]) -> Resource:
    """
    The resource that a manifest is of.

    Raises:
        Invalid: If `apiVersion` and `kind` name none of this table.
    """
    key = (manifest.get("apiVersion", ""), manifest.get("kind", ""))
    if key not in _BY_KIND:
        raise Invalid(f"apiVersion, kind are {key!r}; expected one of {sorted(_BY_KIND)}")
    return _BY_KIND[key]
