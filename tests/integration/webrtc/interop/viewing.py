"""What a client saw through a network, whoever it is."""

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cloudphone_streamer.webrtc.server import AcceptedViewer, MediaServer
from tests.integration.webrtc.conftest import own_address
from tests.integration.webrtc.interop.relay import Network, Relay

SECONDS = 10.0

LOSSLESS = "no loss"
FIVE_PERCENT = "5 % loss"

NETWORKS = {
    LOSSLESS: Network(),
    "1 % loss": Network(loss=0.01),
    FIVE_PERCENT: Network(loss=0.05),
    "10 % loss": Network(loss=0.10),
    "50 ms jitter": Network(jitter_s=0.05),
}

MAX_FREEZE_S = 0.5
"""At 5 % loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """
    Pictures that a client decoded or presented.

    Args:
        client: Name and version.
        network: Name of the network.
        times_s: When each picture came, by one clock.
    """

    client: str
    network: str
    times_s: Sequence[float]

    @property
    def pictures(self) -> int:
        """How many."""
        return len(self.times_s)

    @property
    def longest_gap_s(self) -> float:
        """The longest time that one picture stood."""
        return max((later - earlier for earlier, later in pairwise(self.times_s)), default=SECONDS)

    @property
    def pictures_at_the_end(self) -> int:
        """In the last two seconds."""
        return sum(time_s > self.times_s[-1] - 2 for time_s in self.times_s)

    def show(self) -> None:
        """Print, for people: `pytest -s`."""
        sys.stdout.write(
            f"\n{self.client}, {self.network}: {self.pictures} pictures, "
            f"longest gap {self.longest_gap_s * 1000:.0f} ms, "
            f"{self.pictures_at_the_end} in the last 2 s"
        )


def check(viewings: Sequence[Viewing]) -> None:
    """
    Check what every client has to see: media for the whole time, and a picture that recovers.

    Rates are compared with the same client without loss at the same time, since all share this
    machine with whatever else runs.

    Args:
        viewings: One for each of `NETWORKS`.
    """
    for viewing in viewings:
        viewing.show()
    lossless = next(viewing for viewing in viewings if viewing.network == LOSSLESS)
    assert lossless.pictures > 5 * SECONDS
    for viewing in viewings:
        assert viewing.pictures > 0.25 * lossless.pictures, viewing.network
        at_the_end = viewing.pictures_at_the_end
        assert at_the_end > 0.2 * lossless.pictures_at_the_end, viewing.network


class Through:
    """
    The server as it is reached through a relay; for all that asks a server to accept offers.

    Args:
        server: The server.
        relay: Its candidates take the place of the server's.
    """

    def __init__(self, server: MediaServer, relay: Relay) -> None:
        self._server = server
        self._relay = relay

    async def accept(self, *arguments: Any) -> AcceptedViewer:
        """Accept an offer."""
        accepted = await self._server.accept(*arguments)
        here = f" {own_address()} {self._server.port} typ host"
        lines = [
            line.replace(here, f" {own_address()} {self._relay.port} typ host")
            for line in accepted.answer_sdp.split("\r\n")
            # The relay has no TCP.
            if not (line.startswith("a=candidate:") and " tcp " in line)
        ]
        return dataclasses.replace(accepted, answer_sdp="\r\n".join(lines))
