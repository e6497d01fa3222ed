"""
Glass to glass: from a pixel drawn on the phone to the same pixel in the browser.

The real path: phone, its adbd, the streamer pod, a host port, Chromium. The phone writes the time
into the picture (the clock strip) just before it encodes; the page reads it back in
requestVideoFrameCallback. Phone and browser share this machine's clock. Then touches: from the
pointer event in the page to the first presented frame that shows the finger's dot.
"""

import asyncio
import itertools
import math
import random
from dataclasses import asdict

from playwright.async_api import Page

from bench.report import summarize, table, write_result
from dev.demo.environment import Demo
from dev.tools.progress import Progress
from tests.support.browser import (
    FrameSample,
    chromium,
    open_viewer,
    picture_point,
    start_probe,
    take_samples,
    watch_spot,
)
from tests.support.picture import looks_like_dot

WARM_UP_S = 5
MEASURED_S = 30
TOUCHES = 40
TOUCH_TIMEOUT_S = 3


async def measure(demo: Demo, progress: Progress) -> None:
    """Measure the demo's first session, print the table and write bench/out/glass.json."""
    async with chromium() as browser:
        progress(f"opening {demo.page_url}")
        page = await open_viewer(browser, demo.viewer_url)
        await start_probe(page)
        progress(f"warming up for {WARM_UP_S} s, then measuring for {MEASURED_S} s")
        await asyncio.sleep(WARM_UP_S)
        await take_samples(page)
        await asyncio.sleep(MEASURED_S)
        samples = await take_samples(page)
        progress(f"touching {TOUCHES} times")
        touches = [delay for delay in [await _touch(page) for _ in range(TOUCHES)] if delay]
    _report(samples, touches)


def _report(samples: list[FrameSample], touches: list[float]) -> None:
    readable = [sample for sample in samples if sample.drawn_ms is not None]
    callback = summarize([s.callback_ms - s.drawn_ms for s in readable if s.drawn_ms])
    display = summarize([s.expected_display_ms - s.drawn_ms for s in readable if s.drawn_ms])
    touched = summarize(touches)
    seconds = (samples[-1].callback_ms - samples[0].callback_ms) / 1000
    sampled_fps = (len(samples) - 1) / seconds
    presented_fps = (samples[-1].presented_frames - samples[0].presented_frames) / seconds
    longest_ms = max(b.callback_ms - a.callback_ms for a, b in itertools.pairwise(samples))
    rows = [
        ("drawn on the phone -> requestVideoFrameCallback", callback),
        ("drawn on the phone -> expectedDisplayTime", display),
        ("touch in the page -> dot presented", touched),
    ]
    size = f"{samples[-1].width}x{samples[-1].height}"
    print(f"\nGlass to glass, {size}, {seconds:.0f} s in Chromium\n")
    print(
        table(
            ("what", "count", "p50 ms", "p99 ms", "max ms"),
            [
                (name, str(d.count), f"{d.p50:.1f}", f"{d.p99:.1f}", f"{d.maximum:.1f}")
                for name, d in rows
            ],
        )
    )
    print(
        f"\n{presented_fps:.1f} frames a second presented, {sampled_fps:.1f} seen by the callback,"
        f" longest gap {longest_ms:.0f} ms, clock unreadable in {len(samples) - len(readable)}"
    )
    write_result(
        "glass",
        {
            "callbackMs": asdict(callback),
            "expectedDisplayMs": asdict(display),
            "touchMs": asdict(touched),
            "presentedFps": presented_fps,
            "sampledFps": sampled_fps,
            "longestGapMs": longest_ms,
            "unreadable": len(samples) - len(readable),
        },
    )


async def _touch(page: Page) -> float | None:
    """Touch a random place; milliseconds until its dot is presented, or None if it never was."""
    x, y = random.randrange(100, 620), random.randrange(200, 1100)  # noqa: S311 - no secret
    await watch_spot(page, x, y)
    at_x, at_y = await picture_point(page, x, y)
    await page.mouse.move(at_x, at_y)
    await page.evaluate(
        "addEventListener('pointerdown', () => { window.__touchedMs ="
        " performance.timeOrigin + performance.now(); }, { once: true, capture: true })"
    )
    await take_samples(page)
    await page.mouse.down()
    touched_ms = float(await page.evaluate("window.__touchedMs"))
    shown_ms = await _dot_shown(page)
    await page.mouse.up()
    await asyncio.sleep(0.2 + random.random() / 10)  # noqa: S311 - the dot goes; frames fall out of step
    return None if math.isinf(shown_ms) else shown_ms - touched_ms


async def _dot_shown(page: Page) -> float:
    for _ in range(int(TOUCH_TIMEOUT_S / 0.05)):
        for sample in await take_samples(page):
            if sample.spot is not None and looks_like_dot(sample.spot):
                return sample.callback_ms
        await asyncio.sleep(0.05)
    return math.inf
