import dataclasses
import uuid
from typing import Any

import pytest

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from cloudphone_operator.kube.resources import NODES, PODS, SECRETS, STREAM_NODES, STREAM_SESSIONS
from cloudphone_operator.manifests.status import session_status
from cloudphone_operator.parse.session import parse_session


def secret(namespace: str, name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name},
        "stringData": data,
    }


def session(namespace: str, **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "streaming.cloudphone.io/v1alpha1",
        "kind": "StreamSession",
        "metadata": {"namespace": namespace, "name": "phone-1", **metadata},
    }


async def test_an_absent_object_is_none(kube: KubeClient, namespace: str) -> None:
    assert await kube.get(SECRETS, namespace, "absent") is None


async def test_a_name_never_leaves_its_place_in_the_path(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(Invalid, match="expected a DNS-1123 subdomain"):
        await kube.get(SECRETS, namespace, "../pods")


async def test_an_object_is_created_once(kube: KubeClient, namespace: str) -> None:
    await kube.create(secret(namespace, "once"))
    with pytest.raises(AlreadyExists, match="already exists"):
        await kube.create(secret(namespace, "once"))


async def test_apply_creates_changes_and_removes_what_it_no_longer_names(
    kube: KubeClient, namespace: str
) -> None:
    base = {"apiVersion": "v1", "kind": "Secret"}
    metadata = {"namespace": namespace, "name": "applied"}
    first = await kube.apply({**base, "metadata": metadata, "data": {"a": "YQ==", "b": "Yg=="}})
    assert first["data"] == {"a": "YQ==", "b": "Yg=="}
    second = await kube.apply({**base, "metadata": metadata, "data": {"a": "YQ=="}})
    assert second["data"] == {"a": "YQ=="}
    same = await kube.apply({**base, "metadata": metadata, "data": {"a": "YQ=="}})
    assert same["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


async def test_apply_with_a_version_is_a_compare_and_swap(kube: KubeClient, namespace: str) -> None:
    # A Secret, since an operator that runs here writes a session's status too.
    read = await kube.create(secret(namespace, "versioned"))
    version = read["metadata"]["resourceVersion"]
    wanted = secret(namespace, "versioned", a="b")
    wanted["metadata"]["resourceVersion"] = version
    await kube.apply(wanted)
    with pytest.raises(Conflict, match="the object has been modified"):
        await kube.apply({**wanted, "stringData": {"a": "c"}})


async def test_a_status_does_not_reach_a_namesake_made_since(
    kube: KubeClient, namespace: str
) -> None:
    spec = {"device": {"podRef": {"name": "phone"}}}
    read = parse_session(await kube.create({**session(namespace), "spec": spec}))
    await kube.delete(STREAM_SESSIONS, namespace, "phone-1")
    await kube.create({**session(namespace), "spec": spec})
    written = dataclasses.replace(read.status, node_name="x", conditions=())
    with pytest.raises(Conflict):
        await kube.apply_status(session_status(read, written))


async def test_status_of_an_absent_object_is_not_created(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(NotFound):
        await kube.apply_status({**session(namespace), "status": {"nodeName": "x"}})


async def test_status_is_applied_beside_what_others_wrote(kube: KubeClient, namespace: str) -> None:
    await kube.create({**session(namespace), "spec": {"device": {"podRef": {"name": "phone"}}}})
    status = {**session(namespace), "status": {"viewers": 1}}
    await kube.apply_status(status, field_manager="gateway")
    stored = await kube.apply_status({**session(namespace), "status": {"nodeName": "x"}})
    assert stored["status"]["viewers"] == 1
    assert stored["status"]["nodeName"] == "x"


async def test_of_two_writers_of_one_version_the_second_is_refused(
    kube: KubeClient, node: str
) -> None:
    head = {"apiVersion": "streaming.cloudphone.io/v1alpha1", "kind": "StreamNode"}
    read = await kube.create({**head, "metadata": {"name": node}})
    await kube.replace_status({**read, "status": {"used": 1}})
    with pytest.raises(Conflict, match="the object has been modified"):
        await kube.replace_status({**read, "status": {"used": 2}})
    stored = await kube.get(STREAM_NODES, None, node)
    assert stored is not None
    assert stored["status"] == {"used": 1}


async def test_a_write_without_version_is_no_compare_and_swap(kube: KubeClient, node: str) -> None:
    head = {"apiVersion": "streaming.cloudphone.io/v1alpha1", "kind": "StreamNode"}
    with pytest.raises(Conflict, match="resourceVersion is absent"):
        await kube.replace_status({**head, "metadata": {"name": node}, "status": {}})


async def test_delete_spares_a_namesake_and_forgives_absence(
    kube: KubeClient, namespace: str
) -> None:
    await kube.create(secret(namespace, "spared"))
    with pytest.raises(Conflict):
        await kube.delete(SECRETS, namespace, "spared", uid=str(uuid.uuid4()))
    assert await kube.get(SECRETS, namespace, "spared") is not None
    await kube.delete(SECRETS, namespace, "spared")
    await kube.delete(SECRETS, namespace, "spared")
    assert await kube.get(SECRETS, namespace, "spared") is None


async def test_an_invalid_object_is_told_in_the_api_servers_words(
    kube: KubeClient, namespace: str
) -> None:
    with pytest.raises(Invalid, match=r"spec\.device"):
        await kube.create({**session(namespace), "spec": {}})


async def test_a_list_is_whole_however_many_pages_it_has(
    kube: KubeClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudphone_operator.kube.client._LIST_CHUNK", 3)
    for number in range(8):
        await kube.create(secret(namespace, f"s-{number}"))
    found = await kube.list(SECRETS, namespace)
    assert [item["metadata"]["name"] for item in found] == [f"s-{number}" for number in range(8)]


async def test_lists_are_narrowed_by_selectors(kube: KubeClient, namespace: str, node: str) -> None:
    spec = {"containers": [{"name": "c", "image": "registry.invalid/none"}]}
    for name, label, place in (("a", "x", node), ("b", "y", node), ("c", "x", "")):
        await kube.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": namespace, "name": name, "labels": {"l": label}},
                "spec": {**spec, **({"nodeName": place} if place else {"schedulerName": "none"})},
            }
        )
    here = await kube.list(PODS, field_selector=f"spec.nodeName={node}")
    assert [item["metadata"]["name"] for item in here] == ["a", "b"]
    unbound = await kube.list(
        PODS, namespace, label_selector="l=x", field_selector="spec.nodeName="
    )
    assert [item["metadata"]["name"] for item in unbound] == ["c"]


async def test_what_is_forbidden_is_not_gone(kube: KubeClient, namespace: str) -> None:
    """Impersonating a user without rights is refused with 403, whether the object is there or not."""
    kube._transport._api.set_default_header("Impersonate-User", "nobody")
    try:
        with pytest.raises(Forbidden, match="nobody"):
            await kube.get(SECRETS, namespace, "absent")
        with pytest.raises(Forbidden):
            await kube.list(NODES)
        with pytest.raises(Forbidden):
            await kube.list(STREAM_SESSIONS, namespace)
    finally:
        del kube._transport._api.default_headers["Impersonate-User"]


async def test_an_event_that_cannot_be_written_is_no_error(
    kube: KubeClient, namespace: str
) -> None:
    await kube.create_event({"metadata": {"namespace": namespace}, "reason": "Incomplete"})
