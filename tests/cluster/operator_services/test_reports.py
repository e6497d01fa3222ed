import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import aiohttp
import pytest

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import NotFound
from cloudphone_operator.kube.resources import ENDPOINT_SLICES, SECRETS
from cloudphone_operator.ports.model import Holder
from cloudphone_operator.reports.book import ReportBook
from cloudphone_operator.reports.credentials import Credentials
from cloudphone_operator.reports.endpoint import publish_leader
from cloudphone_operator.reports.server import ReportsServer
from cloudphone_protocol.reports import CaptureReport, CaptureState, EncoderReport, Report
from cloudphone_protocol.session import CaptureMode, Encoder
from tests.cluster.operator_services.conftest import Phones

CREDENTIAL = "c0" * 32


def report(holder: Holder, **changes: Any) -> Report:
    values: dict[str, Any] = {
        "session_uid": holder.uid,
        "pod_name": f"{holder.name}-1",
        "sequence": 1,
        "started_at_ms": 1,
        "document_version": "0" * 16,
        "capture": CaptureReport(
            state=CaptureState.RUNNING, mode=CaptureMode.SCRCPY, reason="Running", message="ok"
        ),
        "encoder": EncoderReport(
            requested=Encoder.PASSTHROUGH, effective=Encoder.PASSTHROUGH, reason="Requested"
        ),
        "viewers": 0,
    }
    return Report(**{**values, **changes})


async def make_secret(kube: KubeClient, holder: Holder, credential: str = CREDENTIAL) -> None:
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "namespace": holder.namespace,
                "name": f"{holder.name}-streamer",
                "ownerReferences": [
                    {
                        "apiVersion": "streaming.cloudphone.io/v1alpha1",
                        "kind": holder.kind,
                        "name": holder.name,
                        "uid": holder.uid,
                        "controller": True,
                    }
                ],
            },
            "stringData": {"credential": credential},
        }
    )


class Operator:
    """The reports server of a leading replica, and what it heard."""

    def __init__(self, kube: KubeClient, http: aiohttp.ClientSession) -> None:
        self.book = ReportBook()
        self.server = ReportsServer(self.book, Credentials(kube))
        self.changed: list[str] = []
        self._http = http
        self.port = 0

    def lead(self) -> None:
        self.server.start_taking(lambda namespace, name: self.changed.append(name))

    async def post(
        self, holder: Holder, body: Report | bytes, credential: str | None = CREDENTIAL
    ) -> int:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        async with self._http.post(
            f"http://127.0.0.1:{self.port}/v1/reports/{holder.namespace}/{holder.name}",
            data=body.to_json() if isinstance(body, Report) else body,
            headers=headers,
        ) as answer:
            return answer.status


@pytest.fixture
async def operator(kube: KubeClient) -> AsyncIterator[Operator]:
    async with aiohttp.ClientSession() as http:
        made = Operator(kube, http)
        runner = await made.server.serve(0)
        # IPv4 and IPv6 have a port each where the kernel chooses it.
        made.port = next(port for host, port, *_ in runner.addresses if ":" not in host)
        made.lead()
        yield made
        await runner.cleanup()


async def test_a_report_is_taken_and_only_news_is_told(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, holder)
    assert await operator.post(holder, report(holder)) == 204
    assert await operator.post(holder, report(holder, sequence=2)) == 204
    assert operator.changed == ["phone-1"]
    assert await operator.post(holder, report(holder, sequence=4, viewers=2)) == 204
    assert await operator.post(holder, report(holder, sequence=3, viewers=1)) == 204
    assert operator.changed == ["phone-1", "phone-1"]
    latest = operator.book.latest(holder.namespace, "phone-1", "phone-1-1")
    assert latest is not None
    assert latest.report.viewers == 2
    assert (datetime.now(UTC) - latest.received_at).total_seconds() < 60


async def test_outsiders_cannot_tell_an_unknown_session_from_a_wrong_credential(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, holder)
    absent = Holder(
        manager="", kind="StreamSession", namespace=holder.namespace, name="absent", uid="x"
    )
    assert await operator.post(holder, report(holder), "d0" * 32) == 401
    assert await operator.post(absent, report(holder)) == 401
    assert await operator.post(holder, report(holder), None) == 401
    assert await operator.post(holder, report(holder), "") == 401
    assert operator.changed == []


async def test_a_secret_that_the_session_does_not_own_opens_nothing(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": holder.namespace, "name": "phone-1-streamer"},
            "stringData": {"credential": CREDENTIAL},
        }
    )
    assert await operator.post(holder, report(holder)) == 401


async def test_a_secret_made_anew_is_noticed(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, holder)
    assert await operator.post(holder, report(holder)) == 204
    await kube.delete(SECRETS, holder.namespace, "phone-1-streamer")
    await make_secret(kube, holder, "e0" * 32)
    async with asyncio.timeout(10):
        while await operator.post(holder, report(holder, sequence=2), "e0" * 32) != 204:
            await asyncio.sleep(0.2)
    assert await operator.post(holder, report(holder, sequence=3)) == 401


async def test_a_pod_that_outlived_its_session_is_told(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, holder)
    assert await operator.post(holder, report(holder, session_uid="former")) == 409


async def test_a_malformed_or_huge_report_is_refused(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, holder)
    assert await operator.post(holder, b"{}") == 422
    assert await operator.post(holder, b"x" * (64 * 1024 + 1)) == 413


async def test_a_replica_that_does_not_lead_sends_the_streamer_on(
    kube: KubeClient, phones: Phones, operator: Operator
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, holder)
    operator.server.stop_taking()
    assert await operator.post(holder, report(holder)) == 503
    operator.lead()
    assert await operator.post(holder, report(holder)) == 204


async def test_the_leader_is_behind_the_service(kube: KubeClient, namespace: str) -> None:
    service = await kube.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": namespace, "name": "reports"},
            "spec": {"ports": [{"name": "reports", "port": 8081}]},
        }
    )
    for address in ("10.0.0.1", "10.0.0.2", "fd00::2"):
        url = await publish_leader(
            kube, namespace=namespace, service="reports", pod_ip=ip_address(address), port=8081
        )
        assert url == f"http://{service['spec']['clusterIP']}:8081"
        stored = await kube.get(ENDPOINT_SLICES, namespace, "reports")
        assert stored is not None
        assert stored["metadata"]["labels"]["kubernetes.io/service-name"] == "reports"
        assert [item["addresses"] for item in stored["endpoints"]] == [[address]]


async def test_a_missing_service_is_told(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(NotFound, match=f"Service {namespace}/absent does not exist"):
        await publish_leader(
            kube, namespace=namespace, service="absent", pod_ip=ip_address("10.0.0.1"), port=1
        )
