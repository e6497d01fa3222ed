"""
The development cluster behind `make demo` and `make test`.

Standard library only: it runs before any virtual environment exists.
"""

from dev.cluster.cluster import (
    ClusterHandle,
    down,
    environment_lines,
    handle,
    is_up,
    load,
    provider_in_use,
    set_gpus,
    status,
    up,
)
from dev.cluster.provider import Provider
from dev.tools.errors import DevError
from dev.tools.progress import Progress

__all__ = [
    "ClusterHandle",
    "DevError",
    "Progress",
    "Provider",
    "down",
    "environment_lines",
    "handle",
    "is_up",
    "load",
    "provider_in_use",
    "set_gpus",
    "status",
    "up",
]
