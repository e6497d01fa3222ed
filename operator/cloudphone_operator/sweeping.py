"""Runs the port sweep: at once when a session or a pod has left, and every few seconds anyway."""

import asyncio
import logging
from datetime import UTC, datetime

from cloudphone_operator.errors import OperatorError
from cloudphone_operator.ports.sweep import PortSweeper

_INTERVAL_S = 15.0
"""So often, ports that have rested are shown as free."""
_PAUSE_S = 0.5
"""Between two sweeps, so that many sessions that leave together make few of them."""

_logger = logging.getLogger(__name__)


class SweepLoop:
    """
    Sweeps when asked to, and from time to time.

    Args:
        sweeper: Does one sweep.
    """

    def __init__(self, sweeper: PortSweeper) -> None:
        self._sweeper = sweeper
        self._wanted = asyncio.Event()

    def request(self) -> None:
        """Sweep soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            self._wanted.clear()
            try:
                await self._sweeper.sweep(now=datetime.now(UTC))
            except OperatorError as error:
                _logger.warning("sweep failed: %s", error)
            await asyncio.sleep(_PAUSE_S)
            try:
                async with asyncio.timeout(_INTERVAL_S):
                    await self._wanted.wait()
            except TimeoutError:
                continue
