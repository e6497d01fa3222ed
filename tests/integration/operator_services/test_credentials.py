"""How often the API server is asked for credentials, whoever knocks."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.transport import Transport
from cloudphone_operator.reports import credentials
from cloudphone_operator.reports.credentials import Credentials, Verdict


class EmptyCluster:
    """An API server without any object."""

    def __init__(self) -> None:
        self.reads = 0

    async def answer(self, _: web.Request) -> web.Response:
        self.reads += 1
        return web.json_response({"message": "not found"}, status=404)


@pytest.fixture
async def cluster() -> EmptyCluster:
    return EmptyCluster()


@pytest.fixture
async def known(cluster: EmptyCluster) -> AsyncIterator[Credentials]:
    app = web.Application()
    app.router.add_get("/{path:.*}", cluster.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    api = ApiClient(configuration)
    yield Credentials(KubeClient(Transport(api)))
    await api.close()
    await runner.cleanup()


async def test_one_unknown_session_is_looked_up_once_in_a_while(
    cluster: EmptyCluster, known: Credentials
) -> None:
    for _ in range(50):
        verdict, uid = await known.check("phones", "absent", "c0" * 32, now_s=1000.0)
        assert (verdict, uid) == (Verdict.UNKNOWN, "")
    assert cluster.reads == 1
    await known.check("phones", "absent", "c0" * 32, now_s=1010.0)
    assert cluster.reads == 2


async def test_many_unknown_sessions_are_put_off(
    cluster: EmptyCluster, known: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_READS_BURST", 20.0)
    verdicts = [
        (await known.check("phones", f"absent-{number}", "", now_s=1000.0))[0]
        for number in range(30)
    ]
    assert verdicts == [Verdict.UNKNOWN] * 20 + [Verdict.LATER] * 10
    assert cluster.reads == 20
    verdict, _ = await known.check("phones", "absent-30", "", now_s=1000.1)
    assert verdict is Verdict.UNKNOWN


async def test_a_name_that_no_session_can_have_asks_nobody(
    cluster: EmptyCluster, known: Credentials
) -> None:
    verdict, _ = await known.check("..", "%2f", "x", now_s=1000.0)
    assert verdict is Verdict.UNKNOWN
    assert cluster.reads == 0
