"""
The seam between the captures and everything behind them.

A capture turns one phone into a stream of access units and takes events for it. It knows nothing
of viewers, RTP or HTTP; whoever listens to it knows nothing of ADB.
"""

from typing import Protocol

from cloudphone_protocol.channel import Key, Rotate, Scroll, Text, Touch
from cloudphone_protocol.reports import CaptureReport
from cloudphone_streamer.bitstream.access_unit import AccessUnit

InputEvent = Touch | Key | Text | Scroll | Rotate
"""What may be done to a phone."""


class CaptureSink(Protocol):
    """Takes what a capture yields; called on the event loop, so it must not block."""

    def on_access_unit(self, unit: AccessUnit) -> None:
        """
        One more picture.

        The first one after each start or restart of the source is a key picture.
        """

    def on_capture_report(self, report: CaptureReport) -> None:
        """State, reason or picture size have changed; never called twice with equal reports."""


class Capture(Protocol):
    """One source of pictures that looks after itself."""

    async def run(self, sink: CaptureSink) -> None:
        """
        Capture until cancelled; called once.

        Re-establishes the capture by itself and reports each change. Never raises for what the
        phone or the network does; on cancellation all it started on the phone is ended.
        """

    def request_key_frame(self) -> None:
        """
        Ask for a key picture soon.

        Requests are coalesced: what serves one viewer serves all, and on a real phone it costs
        all of them a restart of the encoder.
        """

    def inject(self, event: InputEvent) -> None:
        """
        Carry out one event on the phone.

        Never blocks. An event that comes while the phone is away is dropped and counted.
        """

    @property
    def dropped_events(self) -> int:
        """Events that could not be carried out, since the start."""
