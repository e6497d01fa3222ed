import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.ticket import TicketError, issue_ticket
from cloudphone_protocol.tickets import Permission, verify_ticket
from tests.cluster.operator_services.conftest import Phones

KEY = bytes(range(32))
BOTH = frozenset({Permission.VIEW, Permission.CONTROL})


async def make_secret(kube: KubeClient, namespace: str, ticket_key: str) -> None:
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": namespace, "name": "phone-1-streamer"},
            "stringData": {"ticket-key": ticket_key},
        }
    )


async def issue(kube: KubeClient, namespace: str, name: str = "phone-1") -> str:
    return await issue_ticket(kube, namespace, name, lifetime_s=60, permissions=BOTH, subject="ann")


async def test_the_streamer_takes_the_ticket(kube: KubeClient, phones: Phones) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, phones.namespace, KEY.hex())
    token = await issue(kube, phones.namespace)
    ticket = verify_ticket(token, session_uid=holder.uid, key=KEY)
    assert ticket.permissions == BOTH
    assert ticket.subject == "ann"
    assert ticket.expires_at - ticket.issued_at == 60


async def test_an_unknown_session_is_told(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(TicketError, match=r"there is no StreamSession .*kubectl get streams"):
        await issue(kube, namespace, "absent")


async def test_a_session_without_secret_is_told(kube: KubeClient, phones: Phones) -> None:
    await phones.session("phone-1")
    with pytest.raises(TicketError, match="has no Secret phone-1-streamer yet"):
        await issue(kube, phones.namespace)


async def test_a_secret_without_key_is_told_and_its_content_is_not(
    kube: KubeClient, phones: Phones
) -> None:
    await phones.session("phone-1")
    await make_secret(kube, phones.namespace, "no-hex-digits")
    with pytest.raises(TicketError, match="ticket-key is no key of 64 hex digits") as refused:
        await issue(kube, phones.namespace)
    assert "no-hex-digits" not in str(refused.value)


async def test_who_may_not_read_the_secret_is_told_what_is_needed(
    kube: KubeClient, phones: Phones
) -> None:
    await phones.session("phone-1")
    kube._transport._api.set_default_header("Impersonate-User", "nobody")
    try:
        with pytest.raises(TicketError, match=r"not allowed: .*nobody.*A ticket needs `get`"):
            await issue(kube, phones.namespace)
    finally:
        del kube._transport._api.default_headers["Impersonate-User"]


def run_command(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("cloudphone-operator")
    environment: dict[str, Any] = {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [command, "ticket", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )


async def test_the_command_prints_the_ticket_and_nothing_else(
    kube: KubeClient, phones: Phones, kubeconfig: Path
) -> None:
    holder = await phones.session("phone-1")
    await make_secret(kube, phones.namespace, KEY.hex())
    done = run_command(kubeconfig, f"{phones.namespace}/phone-1", "--lifetime=7d")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    ticket = verify_ticket(done.stdout.strip(), session_uid=holder.uid, key=KEY)
    assert ticket.expires_at - ticket.issued_at == 7 * 86_400
    assert ticket.permissions == BOTH


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["phone-1"], "session is 'phone-1'; expected NAMESPACE/NAME"),
        (["a/b", "--lifetime=8d"], "lifetime is '8d'; expected a number and s, m, h or d"),
        (["a/b", "--permissions=all"], "permissions are 'all'; expected some of view"),
        (["a/absent"], "there is no StreamSession a/absent"),
        (["a/../b"], "expected NAMESPACE/NAME"),
        (["A/b"], "namespace is 'A'; expected a DNS-1123 subdomain"),
    ],
)
async def test_the_command_fails_with_one_sentence(
    kubeconfig: Path, arguments: list[str], sentence: str
) -> None:
    done = run_command(kubeconfig, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
