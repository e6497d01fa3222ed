"""The whole way in one process: phone, adbd, scrcpy, streamer, Chromium."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from cloudphone_protocol.session import Device, SessionDocument, SessionRef
from cloudphone_protocol.tickets import Permission
from tests.integration.phone.simulated_phone import PhoneHandle, simulated_phone
from tests.integration.streamer_app.dots import until_spot
from tests.integration.streamer_app.process import Session, streamer
from tests.support.browser import (
    LIVE,
    open_viewer,
    picture_point,
    start_probe,
    take_samples,
    watch_spot,
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="the phone needs Linux namespaces of its own; run as root"
)


@pytest.fixture
def phone() -> Iterator[PhoneHandle]:
    with simulated_phone() as handle:
        yield handle


def document_for(phone: PhoneHandle, pod_uid: str) -> SessionDocument:
    return SessionDocument(
        session=SessionRef(namespace="phones", name="phone-1", uid="uid-1"),
        device=Device(address=f"{phone.host}:{phone.port}", pod_name="redroid-1", pod_uid=pod_uid),
    )


async def picture_size(page: Page) -> tuple[int, int]:
    width, height = await page.evaluate(
        "(({ videoWidth, videoHeight }) => [videoWidth, videoHeight])"
        "(document.getElementById('screen'))"
    )
    return width, height


async def test_a_phone_is_seen_touched_and_turned(
    browser: Browser, tmp_path: Path, phone: PhoneHandle, server_path: Path
) -> None:
    session = Session(directory=tmp_path / "session", document=document_for(phone, "p-1"))
    environment = {"SCRCPY_SERVER_PATH": str(server_path)}
    async with streamer(session, environment=environment) as running:
        url = running.viewer_url(session.ticket(Permission.CONTROL))
        page = await open_viewer(browser, url, width=1280, height=800)
        await start_probe(page)
        await asyncio.sleep(2)
        drawn = [sample.drawn_ms for sample in await take_samples(page)]
        readable = [moment for moment in drawn if moment is not None]
        assert len(readable) > 50
        assert readable[-1] - readable[0] > 1200

        await page.mouse.move(*await picture_point(page, 300, 900))
        await page.mouse.down()
        await watch_spot(page, 300, 900)
        await until_spot(page, is_dot=True)
        await page.mouse.up()
        await until_spot(page, is_dot=False)

        await page.get_by_role("button", name="Rotate").click()
        async with asyncio.timeout(10):
            while await picture_size(page) != (1280, 720):
                await asyncio.sleep(0.05)
        await page.mouse.move(*await picture_point(page, 900, 300))
        await page.mouse.down()
        await watch_spot(page, 900, 300)
        await until_spot(page, is_dot=True)
        await page.mouse.up()


async def test_a_phone_that_is_replaced_comes_back_to_the_same_viewers(
    browser: Browser, tmp_path: Path, phone: PhoneHandle, server_path: Path
) -> None:
    session = Session(directory=tmp_path / "session", document=document_for(phone, "p-1"))
    environment = {"SCRCPY_SERVER_PATH": str(server_path), "ADB_CONNECT_TIMEOUT": "1s"}
    async with streamer(session, environment=environment) as running:
        page = await open_viewer(browser, running.viewer_url(session.ticket()))
        phone.kill()
        await page.locator('body[data-state="phone-away"]').wait_for(timeout=10_000)
        await expect(page.locator("#cover-text")).to_contain_text(
            "The picture comes back by itself."
        )
        with simulated_phone() as successor:
            await running.push(document_for(successor, "p-2"))
            await page.locator(LIVE).wait_for(timeout=10_000)
        assert await running.metric("media_service_sessions_total") == 1
