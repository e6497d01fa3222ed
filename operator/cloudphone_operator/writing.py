"""When a status is worth a write. Pure."""

import dataclasses
from datetime import datetime, timedelta

from cloudphone_operator.model.status import Status

_VIEWERS_INTERVAL = timedelta(seconds=10)
"""The number of viewers is brought up to date at most this often."""


def wait_before_writing_s(
    before: Status, after: Status, *, written_at: datetime | None, now: datetime
) -> float | None:
    """
    Whether, and after which pause, a status is to be written.

    Args:
        before: As it is stored.
        after: As it is to be.
        written_at: When it was last written, as far as is remembered.
        now: Now.
    Returns:
        None if nothing is to be written, 0 to write now, else seconds to wait.
    """
    if before == after:
        return None
    counted = dataclasses.replace(before, viewers=after.viewers)
    if counted != after or written_at is None:
        return 0.0
    return max(0.0, (written_at + _VIEWERS_INTERVAL - now).total_seconds())
