"""The magenta dot that test picture and simulated phone draw where a finger is down."""

import asyncio

from playwright.async_api import Page

from tests.support.browser import take_samples


async def until_spot(page: Page, *, is_dot: bool, timeout_s: float = 5) -> None:
    """Wait until the watched spot of the picture is a dot, or is none."""
    async with asyncio.timeout(timeout_s):
        while True:
            samples = await take_samples(page)
            if samples and _is_magenta(samples[-1].spot) is is_dot:
                return
            await asyncio.sleep(0.03)


def _is_magenta(spot: tuple[float, float, float] | None) -> bool:
    return spot is not None and spot[0] > 180 and spot[1] < 110 and spot[2] > 180
