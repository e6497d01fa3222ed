"""What the application hears of one viewer."""

from collections.abc import Callable
from typing import Protocol


class ViewerHandler(Protocol):
    """
    One viewer, as the application sees it; called on the event loop, must not block.

    `on_closed` comes exactly once and last, also for a viewer that never connected.
    """

    def on_connected(self) -> None:
        """Media can flow: ICE and DTLS are done."""

    def on_channel_open(self, send: Callable[[str], None]) -> None:
        """
        The viewer opened its control channel.

        Args:
            send: Sends one message on it; never waits and never raises, drops once it is gone.
        """

    def on_message(self, channel: str, data: str | bytes) -> None:
        """
        Take a message.

        Args:
            channel: `control` or `moves`.
            data: At most `cloudphone_protocol.channel.MAX_MESSAGE_BYTES`.
        """

    def on_closed(self, reason: str) -> None:
        """
        The viewer is gone.

        Args:
            reason: A `CloseReason`, or what `close_viewer` was given.
        """
