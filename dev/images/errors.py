"""The one exception of this package: a sentence that the command line prints as it is."""

from dev.tools.errors import DevError


class ImageError(DevError):
    """An image cannot be built, found or unpacked."""
