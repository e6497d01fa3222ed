"""Times of the Kubernetes API: RFC 3339, in UTC, whole seconds (`Time`) or more (`MicroTime`)."""

from datetime import UTC, datetime


def parse_time(text: str) -> datetime:
    """
    Read a time.

    Raises:
        ValueError: If it is none, or has no offset.
    """
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise ValueError(f"time is {text!r:.40}; expected an offset such as Z")
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"time is {text!r:.40}; expected the years 1 to 9999") from None


def to_time(time: datetime) -> str:
    """Write a time in whole seconds, as `metav1.Time` does."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_micro_time(time: datetime) -> str:
    """Write a time in microseconds, as `metav1.MicroTime` does."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
