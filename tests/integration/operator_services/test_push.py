"""The push against a real HTTP server in the place of a streamer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from cloudphone_operator import push
from cloudphone_operator.push import Applied, Pusher, Refused, Unreachable
from cloudphone_protocol.session import SessionDocument, SessionRef

DOCUMENT = SessionDocument(session=SessionRef(namespace="phones", name="phone-1", uid="uid"))
CREDENTIAL = "c0" * 32

Handler = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture
async def pusher() -> AsyncIterator[Pusher]:
    async with aiohttp.ClientSession() as http:
        yield Pusher(http)


@pytest.fixture
async def streamer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[Handler], None]]:
    """Serve the internal port by a handler that the test gives."""
    handlers: list[Handler] = []

    async def handle(request: web.Request) -> web.Response:
        return await handlers[-1](request)

    app = web.Application()
    app.router.add_put("/internal/v1/session", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(push, "INTERNAL_PORT", runner.addresses[0][1])
    yield handlers.append
    await runner.cleanup()


async def test_a_document_is_taken(pusher: Pusher, streamer: Callable[[Handler], None]) -> None:
    async def take(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {CREDENTIAL}"
        document = SessionDocument.parse(await request.read())
        return web.json_response({"version": document.version()})

    streamer(take)
    result = await pusher.push("127.0.0.1", DOCUMENT, CREDENTIAL)
    assert result == Applied(version=DOCUMENT.version())


async def test_a_refusal_has_the_streamers_words(
    pusher: Pusher, streamer: Callable[[Handler], None]
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        problem = {"error": "session_mismatch", "message": "uid is another"}
        return web.json_response(problem, status=409)

    streamer(refuse)
    result = await pusher.push("127.0.0.1", DOCUMENT, CREDENTIAL)
    assert result == Refused(code="session_mismatch", message="uid is another")


@pytest.mark.parametrize(
    ("status", "body"), [(200, "ok"), (200, "[]"), (302, ""), (500, "x" * 10_000_000)]
)
async def test_any_other_answer_is_a_refusal(
    pusher: Pusher, streamer: Callable[[Handler], None], status: int, body: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "http://127.0.0.1:9/"})

    streamer(answer)
    result = await pusher.push("127.0.0.1", DOCUMENT, CREDENTIAL)
    assert result == Refused(code=f"http_{status}", message=f"the streamer answered {status}")


async def test_a_streamer_that_hangs_is_unreachable(
    pusher: Pusher, streamer: Callable[[Handler], None]
) -> None:
    over = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    streamer(hang)
    result = await pusher.push("127.0.0.1", DOCUMENT, CREDENTIAL)
    over.set()
    assert result == Unreachable(reason="no answer within 2.0 s")


@pytest.mark.parametrize("address", ["::1", "127.0.0.2"])
async def test_a_streamer_that_is_away_is_unreachable(pusher: Pusher, address: str) -> None:
    assert isinstance(await pusher.push(address, DOCUMENT, CREDENTIAL), Unreachable)


async def test_an_address_that_is_none_is_unreachable(pusher: Pusher) -> None:
    assert isinstance(await pusher.push("evil.example/@", DOCUMENT, CREDENTIAL), Unreachable)
