"""The viewer page in real Chromium, on the real streamer with its test picture."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from cloudphone_protocol.session import Access, Capture, CaptureMode, Video
from cloudphone_protocol.tickets import Permission
from tests.integration.streamer_app.dots import until_spot
from tests.integration.streamer_app.process import (
    ADDRESS,
    DOCUMENT,
    Session,
    Streamer,
    free_port,
    streamer,
)
from tests.support.browser import (
    LIVE,
    NOT_LIVE,
    chromium,
    open_viewer,
    picture_point,
    start_probe,
    take_samples,
    watch_spot,
)


def viewer_url(running: Streamer) -> str:
    return running.viewer_url(running.session.ticket(Permission.CONTROL))


async def test_the_picture_moves_without_an_error_in_the_console(
    browser: Browser, running: Streamer
) -> None:
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    # Not as localhost, which browsers trust more than what people open.
    await page.goto(viewer_url(running).replace("127.0.0.1", ADDRESS))
    await page.locator(LIVE).wait_for(timeout=10_000)
    await start_probe(page)
    await asyncio.sleep(2)
    drawn = [sample.drawn_ms for sample in await take_samples(page)]
    readable = [moment for moment in drawn if moment is not None]
    assert len(readable) > 60
    assert readable == sorted(readable)
    assert readable[-1] - readable[0] > 1500
    await expect(page.locator("#status-text")).to_have_text("Live")
    await expect(page.locator("#summary")).to_contain_text(re.compile(r"ms.*fps.*Mbit/s"))
    assert problems == []


async def test_a_touch_shows_where_it_is_follows_and_is_lifted(
    browser: Browser, running: Streamer
) -> None:
    page = await open_viewer(browser, viewer_url(running), width=900, height=700)
    await start_probe(page)
    await page.mouse.move(*await picture_point(page, 200, 1000))
    await page.mouse.down()
    await watch_spot(page, 200, 1000)
    await until_spot(page, is_dot=True)
    await page.mouse.move(*await picture_point(page, 600, 900), steps=5)
    await watch_spot(page, 600, 900)
    await until_spot(page, is_dot=True)
    await page.mouse.up()
    await until_spot(page, is_dot=False)


async def test_two_fingers_show_as_two_dots(browser: Browser, running: Streamer) -> None:
    page = await open_viewer(browser, viewer_url(running))
    await start_probe(page)
    for number, point in enumerate(((150, 300), (500, 1100))):
        x, y = await picture_point(page, *point)
        await page.evaluate(
            """([number, x, y]) => {
                const video = document.getElementById("screen");
                video.setPointerCapture = () => {};
                const at = { pointerId: 10 + number, pointerType: "touch", clientX: x, clientY: y };
                video.dispatchEvent(new PointerEvent("pointerdown", at));
            }""",
            [number, x, y],
        )
    for point in ((150, 300), (500, 1100)):
        await watch_spot(page, *point)
        await until_spot(page, is_dot=True)


async def test_fingers_are_lifted_when_the_page_is_closed(
    browser: Browser, running: Streamer
) -> None:
    watcher = await open_viewer(browser, viewer_url(running))
    await start_probe(watcher)
    await watch_spot(watcher, 300, 800)
    toucher = await open_viewer(browser, viewer_url(running))
    await toucher.mouse.move(*await picture_point(toucher, 300, 800))
    await toucher.mouse.down()
    await until_spot(watcher, is_dot=True)
    await toucher.close()
    await until_spot(watcher, is_dot=False)


async def test_keys_text_buttons_and_the_wheel_are_sent(
    browser: Browser, running: Streamer
) -> None:
    page = await open_viewer(browser, viewer_url(running), width=1280, height=800)

    async def count(kind: str) -> float:
        return await running.metric(f'media_service_control_messages_total{{type="{kind}"}}')

    async def until(kind: str, number: int) -> None:
        async with asyncio.timeout(5):
            while await count(kind) < number:
                await asyncio.sleep(0.05)
        assert await count(kind) == number

    await page.get_by_role("button", name="Back").click()
    await until("key", 2)
    await page.mouse.click(*await picture_point(page, 360, 640))
    await until("touch", 2)
    await page.keyboard.press("a")
    await page.keyboard.press("Enter")
    await until("key", 6)
    await page.keyboard.insert_text("你好")
    await until("text", 1)
    await page.mouse.wheel(0, 300)
    async with asyncio.timeout(5):
        while not await count("scroll"):
            await asyncio.sleep(0.05)
    await page.get_by_role("button", name="Rotate").click()
    await until("rotate", 1)
    assert await running.metric("media_service_control_messages_refused_total") == 0


async def test_who_has_no_mouse_reaches_the_controls_and_the_phone(
    browser: Browser, running: Streamer
) -> None:
    page = await open_viewer(browser, viewer_url(running), width=1280, height=800)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Back")).to_be_focused()
    await page.get_by_role("button", name="Full screen").focus()
    await page.keyboard.press("Tab")
    await expect(page.locator("#typing")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator("#typing")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Full screen")).to_be_focused()


async def test_who_may_only_watch_has_no_controls(browser: Browser, running: Streamer) -> None:
    page = await open_viewer(browser, running.viewer_url(running.session.ticket()), width=1280)
    await expect(page.get_by_role("button", name="Back")).to_be_hidden()
    await page.mouse.click(*await picture_point(page, 360, 640))
    await asyncio.sleep(0.3)
    assert await running.metric('media_service_control_messages_total{type="touch"}') == 0


async def test_the_page_comes_back_by_itself_after_a_restart(
    browser: Browser, session: Session
) -> None:
    ports = {"PORT": str(free_port())}
    ticket = session.ticket(Permission.CONTROL)
    async with streamer(session, environment=ports) as first:
        page = await open_viewer(browser, first.viewer_url(ticket))
        await first.end()
    await page.locator(NOT_LIVE).wait_for(timeout=5000)
    await expect(page.locator("#cover-title")).to_have_text("Reconnecting")
    async with streamer(session, environment=ports):
        await page.locator(LIVE).wait_for(timeout=10_000)


async def test_the_page_comes_back_when_the_streamer_dies_without_a_word(
    browser: Browser, session: Session
) -> None:
    ports = {"PORT": str(free_port())}
    ticket = session.ticket(Permission.CONTROL)
    async with streamer(session, environment=ports) as first:
        page = await open_viewer(browser, first.viewer_url(ticket))
        first.process.kill()
        await first.process.wait()
    await page.locator(NOT_LIVE).wait_for(timeout=10_000)
    async with streamer(session, environment=ports):
        await page.locator(LIVE).wait_for(timeout=10_000)


async def test_a_phone_that_is_away_is_said_over_the_picture(
    browser: Browser, running: Streamer
) -> None:
    page = await open_viewer(browser, viewer_url(running))
    await running.push(DOCUMENT.model_copy(update={"capture": Capture(mode=CaptureMode.SCREENCAP)}))
    await page.locator('body[data-state="phone-away"]').wait_for(timeout=5000)
    await expect(page.locator("#cover-text")).to_have_text(
        re.compile("this version has no other mode. The picture comes back as soon as that")
    )
    await page.reload()
    await page.locator('body[data-state="phone-away"]').wait_for(timeout=5000)
    await running.push(DOCUMENT)
    await page.locator(LIVE).wait_for(timeout=5000)


async def test_a_full_session_is_said_and_opens_when_somebody_leaves(
    browser: Browser, running: Streamer
) -> None:
    await running.push(DOCUMENT.model_copy(update={"access": Access(max_viewers=1)}))
    first = await open_viewer(browser, viewer_url(running))
    second = await browser.new_page()
    await second.goto(viewer_url(running))
    await second.locator('body[data-state="full"]').wait_for(timeout=5000)
    await expect(second.locator("#status-text")).to_have_text("Session full")
    await first.close()
    await second.locator(LIVE).wait_for(timeout=10_000)


async def test_on_a_phone_held_sideways_a_long_sentence_is_read_whole(
    browser: Browser, running: Streamer
) -> None:
    context = await browser.new_context(
        viewport={"width": 844, "height": 390}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    await page.goto(viewer_url(running))
    await page.locator(LIVE).wait_for(timeout=10_000)
    await running.push(DOCUMENT.model_copy(update={"capture": Capture(mode=CaptureMode.AUTO)}))
    await page.locator('body[data-state="phone-away"]').wait_for(timeout=5000)
    await page.locator("#cover-text").evaluate(
        "(text) => { text.textContent = 'word '.repeat(80) }"
    )
    hidden_px = await page.locator("#cover").evaluate("(el) => el.scrollHeight - el.clientHeight")
    assert hidden_px == 0
    title = await page.locator("#cover-title").bounding_box()
    assert title is not None
    assert title["y"] >= 0


async def test_the_page_follows_a_picture_of_another_size(
    browser: Browser, running: Streamer
) -> None:
    page = await open_viewer(browser, viewer_url(running))
    await running.push(DOCUMENT.model_copy(update={"video": Video(max_size_px=640)}))
    async with asyncio.timeout(10):
        while await page.evaluate("document.getElementById('screen').videoHeight") != 640:
            await asyncio.sleep(0.05)
    await page.locator(LIVE).wait_for(timeout=5000)


@pytest.mark.parametrize(
    ("kind", "state", "title"),
    [
        ("none", "refused", "A ticket is needed"),
        ("wrong", "refused", "This link does not fit"),
        ("expired", "expired", "This link has expired"),
    ],
)
async def test_a_ticket_that_opens_nothing_is_explained(
    browser: Browser, running: Streamer, kind: str, state: str, title: str
) -> None:
    url = {
        "none": running.url,
        "wrong": running.viewer_url("abc"),
        "expired": running.viewer_url(running.session.ticket(age_s=100)),
    }[kind]
    page = await browser.new_page()
    await page.goto(url)
    await page.locator(f'body[data-state="{state}"]').wait_for(timeout=5000)
    await expect(page.locator("#cover-title")).to_have_text(title)
    await expect(page.locator("#cover-hint")).to_have_text(
        "cloudphone-operator ticket NAMESPACE/NAME"
    )


async def test_a_new_ticket_in_the_address_is_taken_without_a_reload(
    browser: Browser, running: Streamer
) -> None:
    page = await browser.new_page()
    await page.goto(running.viewer_url("abc"))
    await page.locator('body[data-state="refused"]').wait_for(timeout=5000)
    await page.evaluate("url => { location.href = url }", viewer_url(running))
    await page.locator(LIVE).wait_for(timeout=5000)


async def test_a_browser_that_hides_its_addresses_sees_the_picture(running: Streamer) -> None:
    async with chromium(hide_local_addresses=True) as browser:
        await open_viewer(browser, viewer_url(running), timeout_s=10)


async def test_a_browser_without_udp_sees_the_picture_and_controls(running: Streamer) -> None:
    async with chromium(without_udp=True) as browser:
        page = await open_viewer(browser, viewer_url(running))
        await start_probe(page)
        await page.mouse.move(*await picture_point(page, 200, 1000))
        await page.mouse.down()
        await watch_spot(page, 200, 1000)
        await until_spot(page, is_dot=True)


@pytest.mark.parametrize(
    ("width", "height"),
    [(390, 844), (1280, 800), (320, 480), (2000, 500)],
)
async def test_the_picture_fits_every_window_without_distortion(
    browser: Browser, running: Streamer, width: int, height: int
) -> None:
    page = await open_viewer(browser, viewer_url(running), width=width, height=height)
    box = await page.locator("#screen").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= width + 1
    assert box["y"] + box["height"] <= height + 1
    assert box["width"] / box["height"] == pytest.approx(720 / 1280, rel=0.01)
    bar = await page.get_by_role("button", name="Home").bounding_box()
    assert bar is not None
    overlaps = (
        bar["x"] < box["x"] + box["width"]
        and box["x"] < bar["x"] + bar["width"]
        and bar["y"] < box["y"] + box["height"]
        and box["y"] < bar["y"] + bar["height"]
    )
    assert not overlaps


async def test_points_of_the_page_map_onto_the_picture_s_pixels(
    browser: Browser, running: Streamer
) -> None:
    page = await browser.new_page()
    await page.goto(running.url)
    mapped = await page.evaluate(
        """async () => {
            const { toPixel, isInside } = await import("./picture.js");
            const box = { left: 10, top: 20, width: 400, height: 400 };
            const at = (x, y) => Object.values(toPixel(box, 720, 1280, x, y));
            return [
                at(210, 220), at(97.5, 20), at(322.4, 419.9), at(0, 0), at(999, 999),
                isInside(box, 720, 1280, 96, 30), isInside(box, 720, 1280, 98, 30),
            ];
        }"""
    )
    assert mapped == [[360, 640], [0, 0], [719, 1279], [0, 0], [719, 1279], False, True]


async def test_keys_become_android_keys_or_text(browser: Browser, running: Streamer) -> None:
    page = await browser.new_page()
    await page.goto(running.url)
    events = [
        ({"code": "KeyA", "key": "a"}, 29),
        ({"code": "KeyA", "key": "A"}, 29),
        ({"code": "KeyQ", "key": "a"}, 29),
        ({"code": "Digit7", "key": "7"}, 14),
        ({"code": "Digit7", "key": "/"}, None),
        ({"code": "Digit7", "key": "7", "shiftKey": True}, None),
        ({"code": "Space", "key": " "}, 62),
        ({"code": "Enter", "key": "Enter"}, 66),
        ({"code": "Backspace", "key": "Backspace"}, 67),
        ({"code": "Escape", "key": "Escape"}, 4),
        ({"code": "F12", "key": "F12"}, 142),
        ({"code": "KeyQ", "key": "@", "altKey": True, "ctrlKey": True}, None),
        ({"code": "KeyA", "key": "ä"}, None),
        ({"code": "KeyA", "key": "ф"}, None),
    ]
    seen = await page.evaluate(
        """async events => {
            const { keyCodeOf } = await import("./keys.js");
            return events.map(keyCodeOf);
        }""",
        [event for event, _ in events],
    )
    assert seen == [key_code for _, key_code in events]


async def test_the_browser_keeps_the_keys_that_its_users_need(
    browser: Browser, running: Streamer
) -> None:
    page = await browser.new_page()
    await page.goto(running.url)
    kept = await page.evaluate(
        """async () => {
            const { isForBrowser } = await import("./keys.js");
            return [
                { code: "F5", key: "F5" }, { code: "Tab", key: "Tab", shiftKey: true },
                { code: "KeyR", key: "r", ctrlKey: true }, { code: "KeyV", key: "v", ctrlKey: true },
                { code: "Tab", key: "Tab" }, { code: "KeyC", key: "c", ctrlKey: true },
                { code: "KeyR", key: "r" },
            ].map(event => Boolean(isForBrowser(event)));
        }"""
    )
    assert kept == [True, True, True, True, False, False, False]


def test_the_page_has_no_reference_to_another_site() -> None:
    import cloudphone_streamer

    web = Path(cloudphone_streamer.__file__).with_name("web")
    for path in web.iterdir():
        urls = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
        assert [url for url in urls if not url.startswith("http://www.w3.org/")] == [], path.name
