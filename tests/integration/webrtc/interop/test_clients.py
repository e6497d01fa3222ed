"""
Clients that nobody here wrote, through networks that lose and delay: connect, and 10 s of media.

All networks at once, a relay each, so that a client costs one time ten seconds.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import cast

import aiortc
import pytest
from playwright.async_api import Browser

from bench.processes import viewers as pion_viewers
from cloudphone_streamer.webrtc.server import MediaServer
from dev.cluster import golang
from dev.tools.progress import Progress
from tests.integration.webrtc.conftest import own_address
from tests.integration.webrtc.interop.relay import Relay
from tests.integration.webrtc.interop.viewing import (
    FIVE_PERCENT,
    LOSSLESS,
    MAX_FREEZE_S,
    NETWORKS,
    SECONDS,
    Through,
    Viewing,
    check,
)
from tests.integration.webrtc.test_chromium import signaling
from tests.integration.webrtc.viewer import AiortcViewer
from tests.support.browser import chromium

SYSTEM_PYTHON = "/usr/bin/python3"
GSTREAMER_VIEWER = Path(__file__).with_name("gstreamer_viewer.py")


@pytest.fixture
async def servers(server: MediaServer) -> AsyncIterator[Mapping[str, MediaServer]]:
    """The server, as it is reached through each network."""
    async with AsyncExitStack() as stack:
        yield {
            name: cast(
                "MediaServer",
                Through(
                    server,
                    await stack.enter_async_context(Relay(own_address(), server.port, network)),
                ),
            )
            for name, network in NETWORKS.items()
        }


async def through_all(
    servers: Mapping[str, MediaServer], watch: Callable[[str, MediaServer], Awaitable[Viewing]]
) -> list[Viewing]:
    return list(await asyncio.gather(*(watch(*item) for item in servers.items())))


async def test_aiortc(servers: Mapping[str, MediaServer]) -> None:
    async def watch(network: str, server: MediaServer) -> Viewing:
        async with AiortcViewer(server) as viewer:
            await viewer.wait_for_frames(1, timeout_s=20)
            await asyncio.sleep(SECONDS)
            name = f"aiortc {aiortc.__version__}"
            return Viewing(client=name, network=network, times_s=viewer.frame_times_s)

    check(await through_all(servers, watch))


async def watch_in(browser: Browser, network: str, server: MediaServer, seconds: float) -> Viewing:
    async with signaling(server) as (url, _):
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("play({audio: false, playoutDelay: true})")
        await page.wait_for_function("window.frames.length > 1", timeout=20_000)
        await page.evaluate("frames.length = 0")
        await asyncio.sleep(seconds)
        times_ms = await page.evaluate("frames.map(frame => frame[0])")
        await page.close()
        return Viewing(
            client=f"Chromium {browser.version}",
            network=network,
            times_s=[time_ms / 1000 for time_ms in times_ms],
        )


async def test_chromium(servers: Mapping[str, MediaServer]) -> None:
    async with chromium() as browser:
        check(
            await through_all(
                servers, lambda network, server: watch_in(browser, network, server, SECONDS)
            )
        )


async def test_chromium_does_not_freeze_at_five_percent_loss(
    servers: Mapping[str, MediaServer],
) -> None:
    """The median of three viewers, one after another: one stall may be this machine's."""
    async with chromium() as browser:
        viewings = [
            await watch_in(browser, FIVE_PERCENT, servers[FIVE_PERCENT], 5) for _ in range(3)
        ]
    for viewing in viewings:
        viewing.show()
    assert median(viewing.longest_gap_s for viewing in viewings) <= MAX_FREEZE_S


async def test_gstreamer(servers: Mapping[str, MediaServer]) -> None:
    async def watch(network: str, server: MediaServer) -> Viewing:
        async with signaling(server) as (url, _):
            process = await asyncio.create_subprocess_exec(
                SYSTEM_PYTHON,
                str(GSTREAMER_VIEWER),
                f"{url}offer",
                f"{SECONDS}",
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            printed, errors = await process.communicate()
            assert process.returncode == 0, errors.decode()[-2000:]
            said = json.loads(printed)
            assert said["error"] is None, f"{network}: {said['error']}"
            return Viewing(
                client=f"GStreamer {said['version']}", network=network, times_s=said["timesS"]
            )

    check(await through_all(servers, watch))


async def test_pion(servers: Mapping[str, MediaServer]) -> None:
    """It decodes nothing: what counts is the packets that are missing after retransmission."""
    program = golang.programs(["viewers"], Progress())["viewers"]

    async def watch(network: str, server: MediaServer) -> tuple[str, dict[str, float]]:
        async with (
            signaling(server) as (url, _),
            pion_viewers(program, url=f"{url}offer", address=own_address(), count=1) as viewer,
        ):
            viewer.begin()
            await asyncio.sleep(SECONDS)
            return network, await viewer.end()

    seen = dict(await asyncio.gather(*(watch(*item) for item in servers.items())))
    for network, counted in seen.items():
        sys.stdout.write(
            f"\npion, {network}: {counted['pictures']} pictures, {counted['packets']} packets, "
            f"{counted['lostPackets']} lost"
        )
    for network, counted in seen.items():
        assert counted["pictures"] > 0.5 * seen[LOSSLESS]["pictures"] > 50, network
        assert counted["lostPackets"] < 0.02 * counted["packets"], network
