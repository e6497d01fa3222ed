"""
The development cluster behind `make demo` and `make test`.

Standard library only: it runs before any virtual environment exists.
"""

from dev.cluster.cluster import ClusterHandle, down, handle, load, set_gpus, status, up
from dev.cluster.errors import ClusterError
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider

__all__ = [
    "ClusterError",
    "ClusterHandle",
    "Progress",
    "Provider",
    "down",
    "handle",
    "load",
    "set_gpus",
    "status",
    "up",
]
