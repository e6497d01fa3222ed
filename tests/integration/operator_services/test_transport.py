"""The transport against an HTTP server that misbehaves as API servers and proxies do."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import Forbidden, Unavailable
from cloudphone_operator.kube.resources import PODS
from cloudphone_operator.kube.transport import Transport

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "b"}}


class Server:
    """Answers requests with what it is told, the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        return await answer(request)


def ok(body: dict[str, Any]) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    return answer


def fail(status: int, message: str = "no", **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"message": message}, status=status, headers=headers)

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def kube(server: Server) -> AsyncIterator[KubeClient]:
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{server.port}"
    configuration.api_key["BearerToken"] = "Bearer secret-token"
    api = ApiClient(configuration)
    yield KubeClient(Transport(api))
    await api.close()


async def test_an_apply_is_sent_as_such(server: Server, kube: KubeClient) -> None:
    server.answers = [ok(POD)]
    assert await kube.apply(POD) == POD
    request = server.requests[0]
    assert request.method == "PATCH"
    assert request.path_qs == (
        "/api/v1/namespaces/a/pods/b?fieldManager=cloudphone-operator&force=true"
    )
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert request.headers["Authorization"] == "Bearer secret-token"
    assert json.loads(server.bodies[0]) == POD


@pytest.mark.parametrize("failure", [fail(429), fail(500), fail(503), fail(504), hang_up])
async def test_what_passes_is_tried_again(
    server: Server, kube: KubeClient, failure: Answer
) -> None:
    server.answers = [failure, failure, ok(POD)]
    assert await kube.get(PODS, "a", "b") == POD
    assert len(server.requests) == 3


async def test_what_does_not_pass_is_told_after_a_few_times(
    server: Server, kube: KubeClient
) -> None:
    server.answers = [fail(503, "etcd has no leader")]
    with pytest.raises(Unavailable, match="etcd has no leader"):
        await kube.apply(POD)
    assert len(server.requests) == 4


async def test_a_refusal_is_not_tried_again(server: Server, kube: KubeClient) -> None:
    server.answers = [fail(403, "not you")]
    with pytest.raises(Forbidden, match="not you"):
        await kube.get(PODS, "a", "b")
    assert len(server.requests) == 1


async def test_a_creation_whose_answer_is_lost_is_not_repeated(
    server: Server, kube: KubeClient
) -> None:
    server.answers = [hang_up, ok(POD)]
    with pytest.raises(Unavailable, match="POST /api/v1/namespaces/a/pods: no answer"):
        await kube.create(POD)
    assert len(server.requests) == 1


async def test_a_creation_that_was_not_let_in_is_repeated(server: Server, kube: KubeClient) -> None:
    server.answers = [fail(429), ok(POD)]
    assert await kube.create(POD) == POD
    assert len(server.requests) == 2


async def test_a_wait_that_is_too_long_is_left_to_the_caller(
    server: Server, kube: KubeClient
) -> None:
    server.answers = [fail(429, "come back in an hour", **{"Retry-After": "3600"})]
    with pytest.raises(Unavailable, match="come back in an hour"):
        await kube.get(PODS, "a", "b")
    assert len(server.requests) == 1


async def test_a_redirect_or_a_page_is_no_object(server: Server, kube: KubeClient) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>log in</html>", content_type="text/html")

    server.answers = [page]
    with pytest.raises(Unavailable, match="expected a JSON object"):
        await kube.get(PODS, "a", "b")


async def test_a_server_that_is_away_is_told() -> None:
    configuration = Configuration()
    configuration.host = "http://127.0.0.1:9"
    api = ApiClient(configuration)
    try:
        with pytest.raises(Unavailable, match="GET /api/v1/namespaces/a/pods/b: no answer"):
            await KubeClient(Transport(api)).get(PODS, "a", "b")
    finally:
        await api.close()
