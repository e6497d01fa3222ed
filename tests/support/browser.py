"""
Chromium on the viewer page, for tests and benchmarks.

Debian's Chromium through Playwright; Playwright's own browser download is never used.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
)
_MDNS_OFF = "--disable-features=WebRtcHideLocalIpsWithMdns"
_UDP_OFF = "--webrtc-ip-handling-policy=disable_non_proxied_udp"
_PROBE = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")

LIVE = 'body[data-state="live"]'
NOT_LIVE = 'body:not([data-state="live"])'
"""
Selectors of the page's body while frames flow, and while they do not.

Selectors rather than `wait_for_function`: that one evaluates a string, which the page's
Content-Security-Policy forbids.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSample:
    """
    One frame as the page presented it.

    Times are Unix milliseconds of this machine's clock; `drawn_ms` is read from the clock strip in
    the picture and is None where it does not read. `spot` is the mean colour (0..255 red, green,
    blue) around the watched point.
    """

    callback_ms: float
    expected_display_ms: float
    presented_frames: int
    width: int
    height: int
    drawn_ms: float | None
    spot: tuple[float, float, float] | None


@asynccontextmanager
async def chromium(
    *, hide_local_addresses: bool = False, without_udp: bool = False
) -> AsyncIterator[Browser]:
    """
    Start headless Chromium.

    Args:
        hide_local_addresses: As users' browsers do: host candidates are mDNS names.
        without_udp: As behind a firewall that lets none pass.
    Raises:
        RuntimeError: If Chromium is not installed.
    """
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("chromium is not installed; install it: apt-get install chromium")
    flags = _FLAGS if hide_local_addresses else (*_FLAGS, _MDNS_OFF)
    if without_udp:
        flags = (*flags, _UDP_OFF)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(flags))
        try:
            yield browser
        finally:
            await browser.close()


async def open_viewer(
    browser: Browser, url: str, *, width: int = 500, height: int = 900, timeout_s: float = 30
) -> Page:
    """Open the viewer page and wait until its picture is live."""
    page = await browser.new_page(viewport={"width": width, "height": height})
    await page.goto(url)
    await page.locator(LIVE).wait_for(timeout=timeout_s * 1000)
    return page


async def start_probe(page: Page) -> None:
    """Begin to sample every frame that the page presents."""
    await page.evaluate(f"window.__probe = {_PROBE}")


async def watch_spot(page: Page, x: int, y: int) -> None:
    """Sample the colour at a point of the picture from now on."""
    await page.evaluate("([x, y]) => window.__probe.watch(x, y)", [x, y])


async def take_samples(page: Page) -> list[FrameSample]:
    """Return the samples since the last call."""
    raw: list[dict[str, Any]] = await page.evaluate("window.__probe.samples.splice(0)")
    return [_to_sample(item) for item in raw]


def _to_sample(item: dict[str, Any]) -> FrameSample:
    drawn = item["drawnMs"]
    callback_ms = float(item["callbackMs"])
    return FrameSample(
        callback_ms=callback_ms,
        expected_display_ms=float(item["expectedDisplayMs"]),
        presented_frames=int(item["presentedFrames"]),
        width=int(item["width"]),
        height=int(item["height"]),
        drawn_ms=None if drawn is None else _widen(int(drawn), callback_ms),
        spot=None if item["spot"] is None else (item["spot"][0], item["spot"][1], item["spot"][2]),
    )


def _widen(low_bits_ms: int, near_ms: float) -> float:
    """The Unix time in milliseconds with these 32 low bits that is nearest to `near_ms`."""
    period = 1 << 32
    return low_bits_ms + period * round((near_ms - low_bits_ms) / period)


async def picture_point(page: Page, x: int, y: int) -> tuple[float, float]:
    """Where a point of the picture (in its own pixels) is on the page, in CSS pixels."""
    box: dict[str, float] = await page.evaluate(
        """([x, y]) => {
            const video = document.querySelector("video");
            const box = video.getBoundingClientRect();
            const scale = Math.min(box.width / video.videoWidth, box.height / video.videoHeight);
            return {
                x: box.left + (box.width - video.videoWidth * scale) / 2 + (x + 0.5) * scale,
                y: box.top + (box.height - video.videoHeight * scale) / 2 + (y + 0.5) * scale,
            };
        }""",
        [x, y],
    )
    return box["x"], box["y"]
