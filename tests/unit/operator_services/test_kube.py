import json

import pytest

from cloudphone_operator.kube import resources
from cloudphone_operator.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    Unavailable,
    to_error,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (resources.PODS.path("phones", "phone-1"), "/api/v1/namespaces/phones/pods/phone-1"),
        (resources.PODS.path(), "/api/v1/pods"),
        (resources.NODES.path(None, "node-1.example"), "/api/v1/nodes/node-1.example"),
        (
            resources.STREAM_SESSIONS.path("phones", "phone-1", "status"),
            "/apis/streaming.cloudphone.io/v1alpha1/namespaces/phones/streamsessions/phone-1/status",
        ),
        (
            resources.LEASES.path("phones"),
            "/apis/coordination.k8s.io/v1/namespaces/phones/leases",
        ),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize("name", ["", ".", "..", "../pods", "a/b", "a?x", "A", "a%2fb", "a" * 254])
def test_a_name_that_could_change_a_path_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="expected a DNS-1123 subdomain"):
        resources.PODS.path("phones", name)
    with pytest.raises(Invalid, match="namespace is"):
        resources.PODS.path(name, "phone-1")


def test_a_namespace_must_fit_the_kind() -> None:
    with pytest.raises(Invalid, match="expected none for kind Node"):
        resources.NODES.path("phones", "node-1")
    with pytest.raises(Invalid, match="expected one for Pod"):
        resources.PODS.path(None, "phone-1")


def test_the_resource_of_a_manifest() -> None:
    manifest = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
    assert resources.resource_of(manifest) is resources.ENDPOINT_SLICES
    with pytest.raises(Invalid, match="expected one of"):
        resources.resource_of({"apiVersion": "v1", "kind": "Unheard"})


def answer(message: str, reason: str) -> bytes:
    return json.dumps({"kind": "Status", "message": message, "reason": reason}).encode()


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "BadRequest", Invalid),
        (401, "Unauthorized", Forbidden),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", KubeError),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", Unavailable),
        (500, "InternalError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_errors_by_status(status: int, reason: str, expected: type[KubeError]) -> None:
    error = to_error(status, answer("the API server's sentence", reason))
    assert type(error) is expected
    assert str(error) == error.message == "the API server's sentence"
    assert (error.status, error.reason) == (status, reason)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>bad gateway</html>", "<html>bad gateway</html>"),
        (b"", "the API server answered 502"),
        (b"[]", "[]"),
        (b"\xff", "\ufffd"),
    ],
)
def test_an_answer_of_something_in_between_is_told_as_it_is(body: bytes, message: str) -> None:
    error = to_error(502, body)
    assert isinstance(error, Unavailable)
    assert error.message == message


def test_an_endless_sentence_is_cut() -> None:
    assert len(to_error(500, answer("x" * 100_000, "")).message) == 1024
