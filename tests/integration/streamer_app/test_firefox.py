"""Firefox ESR as Debian ships it decodes no H.264: it plays the shared VP8 rung."""

import asyncio

from cloudphone_protocol.session import Video, VideoCodec
from cloudphone_protocol.tickets import Permission
from tests.integration.streamer_app.process import ADDRESS, DOCUMENT, Session, streamer
from tests.support.firefox import firefox

COUNT_FRAMES = """(() => {
    const video = document.querySelector("video");
    const count = (_now, { presentedFrames }) => {
        window.presentedFrames = presentedFrames;
        video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
    window.presentedFrames = 0;
})()"""


async def test_firefox_plays_the_vp8_rung(session: Session) -> None:
    async with streamer(session) as running, firefox() as page:
        url = running.viewer_url(session.ticket(Permission.CONTROL))
        await page.open(url.replace("127.0.0.1", ADDRESS))
        await page.wait_for("document.body.dataset.state === 'live'")
        await page.evaluate(COUNT_FRAMES)
        await page.wait_for("window.presentedFrames > 60")
        assert await page.evaluate("document.querySelector('video').videoWidth") == 720
        assert await running.metric('media_service_rung_viewers{rung="vp8-720p"}') == 1
        assert await running.metric('media_service_rung_viewers{rung="passthrough"}') == 0


async def test_firefox_is_told_where_only_h264_is_served(session: Session) -> None:
    document = DOCUMENT.model_copy(update={"video": Video(codecs=(VideoCodec.H264,))})
    only_h264 = Session(
        directory=session.directory, document=document, ticket_key=session.ticket_key
    )
    async with streamer(only_h264) as running, firefox() as page:
        url = running.viewer_url(only_h264.ticket(Permission.CONTROL))
        await page.open(url.replace("127.0.0.1", ADDRESS))
        await page.wait_for("document.body.innerText.includes('lacks H.264')")
        await asyncio.sleep(0.1)
        assert await running.metric('media_service_http_requests_refused_total{code="no_common') > 0
