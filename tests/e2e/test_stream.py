"""A phone's moving, touchable picture in a real browser, from a StreamSession that was applied."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.stage import PHONE, Stage
from tests.support.browser import (
    LIVE,
    NOT_LIVE,
    FrameSample,
    chromium,
    open_viewer,
    picture_point,
    start_probe,
    take_samples,
    watch_spot,
)
from tests.support.kube import until
from tests.support.picture import looks_like_dot

SESSION = "watched"
WATCHED_S = 10
LONGEST_GAP_MS = 1000
TOUCH_SHOWN_WITHIN_S = 1.0


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def url(stage: Stage) -> str:
    stage.apply_session(SESSION)
    return stage.viewer_url(await stage.ready(SESSION))


async def watch_for(page: Page, seconds: float) -> list[FrameSample]:
    await start_probe(page)
    await asyncio.sleep(seconds)
    return await take_samples(page)


def assert_moves_without_gap(samples: list[FrameSample], seconds: float) -> None:
    """The clock in the picture goes on all the time, and no slower than the wall's."""
    drawn = [sample.drawn_ms for sample in samples if sample.drawn_ms is not None]
    assert len(drawn) >= 0.9 * len(samples), "the clock strip is unreadable in too many frames"
    steps = [later - earlier for earlier, later in itertools.pairwise(drawn)]
    assert all(step >= 0 for step in steps), "the picture went back in time"
    assert max(steps) <= LONGEST_GAP_MS
    assert drawn[-1] - drawn[0] >= 1000 * seconds - 2 * LONGEST_GAP_MS


async def test_the_picture_moves_for_ten_seconds_without_a_gap(browser: Browser, url: str) -> None:
    page = await open_viewer(browser, url)
    samples = await watch_for(page, WATCHED_S)
    assert_moves_without_gap(samples, WATCHED_S)
    assert {(sample.width, sample.height) for sample in samples} == {(720, 1280)}


async def test_a_touch_on_the_page_shows_as_a_dot_in_the_picture(
    browser: Browser, url: str
) -> None:
    page = await open_viewer(browser, url)
    await start_probe(page)
    await watch_spot(page, 300, 700)
    await asyncio.sleep(0.3)
    before = await take_samples(page)
    assert not any(sample.spot and looks_like_dot(sample.spot) for sample in before)

    await page.mouse.move(*await picture_point(page, 300, 700))
    await page.mouse.down()
    await asyncio.sleep(TOUCH_SHOWN_WITHIN_S)
    during = await take_samples(page)
    assert during[-1].spot is not None
    assert looks_like_dot(during[-1].spot)

    await page.mouse.up()
    await asyncio.sleep(TOUCH_SHOWN_WITHIN_S)
    after = await take_samples(page)
    assert after[-1].spot is not None
    assert not looks_like_dot(after[-1].spot)


async def test_two_viewers_watch_at_once_through_one_port(browser: Browser, url: str) -> None:
    first = await open_viewer(browser, url)
    second = await open_viewer(browser, url)
    one, other = await asyncio.gather(watch_for(first, 5), watch_for(second, 5))
    assert_moves_without_gap(one, 5)
    assert_moves_without_gap(other, 5)


async def test_a_reloaded_page_shows_the_picture_again(browser: Browser, url: str) -> None:
    page = await open_viewer(browser, url)
    await page.reload()
    await page.locator(LIVE).wait_for(timeout=15_000)
    assert_moves_without_gap(await watch_for(page, 3), 3)


async def test_a_browser_that_hides_its_addresses_sees_the_picture(url: str) -> None:
    """As users' browsers do: host candidates are mDNS names that nobody here can resolve."""
    async with chromium(hide_local_addresses=True) as browser:
        page = await open_viewer(browser, url)
        assert_moves_without_gap(await watch_for(page, 3), 3)


async def test_a_deleted_pod_is_replaced_and_the_page_recovers_by_itself(
    browser: Browser, url: str, stage: Stage
) -> None:
    page = await open_viewer(browser, url)
    (old,) = stage.streamer_pods(SESSION)
    stage.kubectl.delete("pod", old["metadata"]["name"], stage.namespace)
    await page.locator(NOT_LIVE).wait_for(timeout=20_000)
    await page.locator(LIVE).wait_for(timeout=60_000)
    assert_moves_without_gap(await watch_for(page, 3), 3)
    (new,) = stage.streamer_pods(SESSION)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    session = await stage.ready(SESSION)
    assert session["status"]["device"]["podName"] == PHONE


async def test_a_deleted_session_leaves_no_pod_and_its_port_rests_before_it_is_free(
    stage: Stage,
) -> None:
    name = "short-lived"
    stage.apply_session(name)
    status = (await stage.ready(name))["status"]
    node, port = status["nodeName"], status["mediaPorts"][0]["port"]
    assert stage.port_state(node, port) == "Held"

    stage.kubectl.delete("streamsession", name, stage.namespace)
    await until(
        lambda: stage.streamer_pods(name), meets=lambda pods: not pods, what="the pod is gone"
    )
    await until(
        lambda: stage.port_state(node, port),
        meets=lambda state: state == "Quarantined",
        what="the port is in quarantine",
        timeout_s=20,
    )
    await until(
        lambda: stage.port_state(node, port),
        meets=lambda state: state == "Free",
        what="the port is free",
    )
