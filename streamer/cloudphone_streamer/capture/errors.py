"""
Why a capture does not run.

    StreamerError
    +-- CaptureFailure   with a reason for machines and a sentence for people
"""

from cloudphone_streamer.errors import StreamerError


class CaptureFailure(StreamerError):
    """
    One attempt to capture has ended.

    Args:
        reason: CamelCase word for machines, as in a `CaptureReport`.
        message: Sentence for people that says what to do.
        needs_person: Whether it will not pass by itself; it is retried all the same.
    """

    def __init__(self, reason: str, message: str, *, needs_person: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.needs_person = needs_person
