"""
Reports to the operator: at once on a change, and every ten seconds.

Runs as a task of its own, so that an operator that is away or slow never delays a picture. The
credential goes into a header and nowhere else.
"""

import asyncio
import logging
import random
from collections.abc import Callable

import aiohttp

from cloudphone_protocol.reports import HEARTBEAT_SECONDS, EncoderReport, Report, report_path
from cloudphone_protocol.session import CaptureMode, Encoder, SessionDocument
from cloudphone_streamer.errors import SettingsError

logger = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = float(HEARTBEAT_SECONDS)
_LEAST_INTERVAL_S = 0.1
"""Changes within this time go out as one report."""


def retry_delay_s(failures: int, *, jitter: float) -> float:
    """
    Pause before the next try.

    Doubles from half a second to the heartbeat's interval. The jitter keeps hundreds of streamers
    from knocking at the same moment when the operator is back.

    Args:
        failures: Tries in a row that failed; at least 1.
        jitter: 0..1, chosen at random.
    """
    ceiling_s = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(failures - 1, 16))
    return ceiling_s * (0.5 + 0.5 * jitter)


def encoder_report(document: SessionDocument) -> EncoderReport:
    """Say which encoder runs; this version has the phone's own, and x264 for the test picture."""
    requested = document.video.encoder
    if document.capture.mode is CaptureMode.TEST_PATTERN:
        return EncoderReport(requested=requested, effective=Encoder.X264, reason="TestPattern")
    return EncoderReport(
        requested=requested,
        effective=Encoder.PASSTHROUGH,
        reason="AsRequested" if requested is Encoder.PASSTHROUGH else "EncoderNotAvailable",
    )


class Reporter:
    """
    Tells the operator how this streamer does.

    Args:
        make_report: Makes the report of this moment from its sequence number.
        document: Returns the document in force: where to report to, for which session.
        credential: Returns the session's credential.
    """

    def __init__(
        self,
        *,
        make_report: Callable[[int], Report],
        document: Callable[[], SessionDocument],
        credential: Callable[[], str],
    ) -> None:
        self.failures_total = 0
        self._make_report = make_report
        self._document = document
        self._credential = credential
        self._changed = asyncio.Event()
        self._sequence = 0

    def notify(self) -> None:
        """Something that the operator should know has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Report until cancelled."""
        failures = 0
        told: str | None = None
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            while True:
                self._changed.clear()
                problem = await self._send(client)
                if problem is None:
                    if failures:
                        logger.info("reports are taken again", extra={"failures": failures})
                    failures, told = 0, None
                    await asyncio.sleep(_LEAST_INTERVAL_S)
                    await self._wait_for_change()
                    continue
                failures += 1
                self.failures_total += 1
                if problem != told:
                    told = problem
                    logger.warning("report not taken; trying again", extra={"problem": problem})
                await asyncio.sleep(
                    retry_delay_s(failures, jitter=random.random())  # noqa: S311 - no secret
                )

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS - _LEAST_INTERVAL_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _send(self, client: aiohttp.ClientSession) -> str | None:
        """Send one report; returns what is wrong, if anything."""
        document = self._document()
        if document.reports is None:
            return None
        session = document.session
        url = document.reports.url.rstrip("/") + report_path(session.namespace, session.name)
        body = self._make_report(self._sequence).to_json()
        self._sequence += 1
        try:
            headers = {
                "Authorization": f"Bearer {self._credential()}",
                "Content-Type": "application/json",
            }
            async with client.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status < 300:
                    return None
                return f"HTTP {response.status} from {url}"
        except TimeoutError:
            return f"no answer within {_TIMEOUT_S:g} s from {url}"
        except (aiohttp.ClientError, SettingsError, OSError, ValueError) as error:
            return f"{type(error).__name__} for {url}: {error}"
