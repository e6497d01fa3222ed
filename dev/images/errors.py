"""The one exception of this package: a sentence that the command line prints as it is."""

from dev.cluster.errors import ClusterError


class ImageError(ClusterError):
    """An image cannot be built, found or unpacked."""
