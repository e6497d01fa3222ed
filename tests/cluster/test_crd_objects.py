"""What the API server makes of valid objects: defaults, status, and the names kubectl takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.tools import paths
from tests.cluster.api_server import GROUP, VERSION, ApiServer, Refused, Resources

EXAMPLES = sorted((paths.CHECKOUT / "examples").rglob("*.yaml"))
OWN_EXAMPLES = [
    pytest.param(document, id=f"{path.name}-{document['metadata']['name']}")
    for path in EXAMPLES
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    if document["apiVersion"].startswith(GROUP)
]

pytestmark = pytest.mark.usefixtures("crds")


def test_the_name_of_a_pod_is_a_whole_session(api: ApiServer) -> None:
    sessions = Resources(api, "StreamSession", "default")
    made = sessions.try_create("session", {"device": {"podRef": {"name": "redroid-1"}}})
    assert made["spec"] == {
        "device": {
            "podRef": {"name": "redroid-1"},
            "adbPort": 5555,
            "guard": False,
            "protectFromEviction": False,
        },
        "capture": {"mode": "Auto"},
        "video": {
            "codecs": ["H264"],
            "encoder": "Passthrough",
            "bitrateBps": 8_000_000,
            "maxFps": 60,
            "maxSizePx": 1280,
            "keyFrameIntervalSeconds": 1,
        },
        "network": {"mode": "HostPort", "mediaPortCount": 1},
        "access": {
            "maxViewers": 32,
            "control": "Shared",
            "clipboard": {"fromPhone": False, "toPhone": False},
            "fileDrop": {"enabled": False},
        },
        "lifecycle": {"suspended": False, "readyTimeoutSeconds": 120, "allowDisruption": False},
    }


def test_a_block_that_is_named_gets_its_defaults(api: ApiServer) -> None:
    spec = {
        "device": {"podRef": {"name": "redroid-1"}},
        "audio": {},
        "gpu": {"resourceName": "nvidia.com/gpu"},
        "recording": {},
        "lifecycle": {"idle": {"afterSeconds": 60}},
        "placement": {"tolerations": [{"key": "phones"}]},
    }
    made = Resources(api, "StreamSession", "default").try_create("session", spec)["spec"]
    assert made["audio"] == {"enabled": True, "bitrateBps": 64_000}
    assert made["gpu"] == {"resourceName": "nvidia.com/gpu", "count": 1}
    assert made["recording"] == {"mode": "Off"}
    assert made["lifecycle"]["idle"] == {"afterSeconds": 60, "action": "StopCapture"}
    assert made["placement"] == {"tolerations": [{"key": "phones", "operator": "Equal"}]}


def test_a_node_class_needs_no_field(api: ApiServer) -> None:
    made = Resources(api, "StreamNodeClass").try_create("class")
    assert made["spec"] == {
        "nodeSelector": {},
        "mediaPortRange": {"first": 50_000, "last": 50_100},
        "addressPolicy": {"source": "Auto", "families": ["IPv4", "IPv6"]},
    }


@pytest.mark.parametrize("manifest", OWN_EXAMPLES)
def test_every_example_is_accepted(manifest: dict[str, Any], api: ApiServer) -> None:
    kind = manifest["kind"]
    resources = Resources(api, kind, "default" if kind == "StreamSession" else None)
    resources.try_create(f"try-{manifest['metadata']['name']}", manifest["spec"])


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_an_address_of_either_family_is_a_device(address: str, api: ApiServer) -> None:
    sessions = Resources(api, "StreamSession", "default")
    made = sessions.try_create("session", {"device": {"address": address}})
    assert made["spec"]["device"]["address"] == address


def test_a_session_is_pending_before_any_operator_saw_it(api: ApiServer, namespace: str) -> None:
    """So that `kubectl wait` and GitOps tools wait, instead of taking silence for success."""
    sessions = Resources(api, "StreamSession", namespace)
    # Not stored: an operator on this cluster would answer within milliseconds.
    stored = sessions.try_create("session", {"capture": {"mode": "TestPattern"}})
    assert stored["status"] == {
        "phase": "Pending",
        "conditions": [
            {
                "type": "Ready",
                "status": "Unknown",
                "reason": "Pending",
                "message": "The operator has not seen this StreamSession yet.",
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            }
        ],
    }


def test_the_operators_condition_takes_the_place_of_the_default(
    api: ApiServer, namespace: str
) -> None:
    sessions = Resources(api, "StreamSession", namespace)
    sessions.create("session", {"device": {"podRef": {"name": "none"}}})
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "DeviceNotFound",
        "message": "Pod none does not exist.",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    written = sessions.apply_status("session", {"observedGeneration": 1, "conditions": [ready]})
    assert [item for item in written["status"]["conditions"] if item["type"] == "Ready"] == [ready]


def test_status_is_not_written_along_with_spec(api: ApiServer, namespace: str) -> None:
    sessions = Resources(api, "StreamSession", namespace)
    sessions.create("session", {"device": {"podRef": {"name": "none"}}})
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "/spec/audio", "value": {}},
        {"op": "add", "path": "/status/nodeName", "value": "stolen"},
    ]
    patched = sessions.patch("session", operations)
    assert patched["spec"]["audio"]["enabled"]
    assert "nodeName" not in patched["status"]


class TestPortLedger:
    """StreamNode: what the allocation of ports relies on."""

    @pytest.fixture
    def nodes(self, api: ApiServer, namespace: str) -> Any:
        """Resources and the name of a StreamNode of the test's own, removed afterwards."""
        nodes = Resources(api, "StreamNode")
        nodes.create(namespace)
        yield nodes
        nodes.delete(namespace)

    def test_of_two_writers_one_is_told_that_it_is_late(
        self, nodes: Resources, namespace: str
    ) -> None:
        seen = nodes.read(namespace)
        entry = {"port": 50_000, "state": "Foreign"}
        nodes.replace_status({"metadata": seen["metadata"], "status": {"ports": [entry]}})
        late = {"metadata": seen["metadata"], "status": {"ports": []}}
        with pytest.raises(Refused) as refusal:
            nodes.replace_status(late)
        assert refusal.value.status == 409
        assert nodes.read(namespace)["status"]["ports"] == [entry]

    def test_no_port_can_be_written_twice(self, nodes: Resources, namespace: str) -> None:
        seen = nodes.read(namespace)
        twice = [{"port": 50_000, "state": "Held"}, {"port": 50_000, "state": "Quarantined"}]
        with pytest.raises(Refused) as refusal:
            nodes.replace_status({"metadata": seen["metadata"], "status": {"ports": twice}})
        assert "Duplicate value" in str(refusal.value)

    def test_a_full_ledger_fits(self, nodes: Resources, namespace: str) -> None:
        """4096 ports, each with the longest names of Kubernetes, are under etcd's limit of 1.5 MiB."""
        seen = nodes.read(namespace)
        holder = {
            "manager": "cloudphone-operator",
            "kind": "StreamSession",
            "namespace": "n" * 63,
            "name": "s" * 50,
            "uid": "0d5f6dc5-6b6b-4e5b-8d3c-6f2c4d8f0a11",
        }
        full = [
            {"port": port, "state": "Held", "holder": holder, "until": "2026-01-01T00:00:00Z"}
            for port in range(50_000, 54_096)
        ]
        nodes.replace_status({"metadata": seen["metadata"], "status": {"ports": full}})


def test_kubectl_knows_the_short_names(api: ApiServer) -> None:
    data = api.request("GET", f"/apis/{GROUP}/{VERSION}")
    served = {item["name"]: item for item in data["resources"]}
    assert served["streamsessions"]["shortNames"] == ["stream", "streams"]
    assert served["streamnodes"]["shortNames"] == ["snode"]
    assert served["streamnodeclasses"]["shortNames"] == ["snclass"]
    assert all(
        item["categories"] == ["cloudphone"] for name, item in served.items() if "/" not in name
    )


def test_examples_are_found() -> None:
    assert {Path(path).name for path in EXAMPLES} >= {"streamsession.yaml", "gpu.yaml"}
