"""Whether a stored object is as its manifest wants it."""

from collections.abc import Mapping
from typing import Any


def fulfils(live: Any, wanted: Any) -> bool:
    """
    Whether all that the manifest names is so in the stored object.

    What the manifest does not name, such as the API server's defaults, does not matter; lists must
    agree item by item, since in ours each item is meant.

    Args:
        live: Stored object or a part of it.
        wanted: Manifest or the same part of it.
    """
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and fulfils(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(fulfils(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
