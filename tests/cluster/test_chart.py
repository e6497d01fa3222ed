"""The Helm chart: what it renders, what values it refuses, and whether the API server takes it."""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_kube_config

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import Forbidden
from cloudphone_operator.kube.resources import STREAM_SESSIONS
from cloudphone_operator.kube.transport import Transport
from cloudphone_operator.leading import require_kinds
from cloudphone_operator.settings import Settings, load_settings
from dev.cluster import Progress, golang
from dev.tools import command, paths
from dev.tools.errors import DevError
from tests.cluster.api_server import ApiServer

CHART = paths.CHECKOUT / "helm" / "cloudphone-streaming"
RELEASE = "cloudphone"
NAMESPACE = "cloudphone-system"
OLDEST_KUBERNETES = "1.31.0"
PREFIX = "CLOUDPHONE_"
REFUSED: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "chart_refused.yaml").read_text(encoding="utf-8")
)

Manifest = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """The program, and a folder for files that it reads and writes."""

    binary: Path
    folder: Path

    def run(self, *arguments: str | Path) -> str:
        return command.run([self.binary, *arguments])

    def render(self, values: Manifest, chart: Path = CHART) -> list[Manifest]:
        file = self.folder / "values.json"
        file.write_text(json.dumps(values), encoding="utf-8")
        printed = self.run(
            "template",
            RELEASE,
            chart,
            f"--namespace={NAMESPACE}",
            f"--kube-version={OLDEST_KUBERNETES}",
            f"--values={file}",
        )
        return [document for document in yaml.safe_load_all(printed) if document]


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(binary=golang.programs(("helm",), Progress())["helm"], folder=tmp_path)


def _of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def _environment(manifests: list[Manifest]) -> dict[str, str | None]:
    """Variables of the operator's container; None where the kubelet fills in the value."""
    [deployment] = _of_kind(manifests, "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def test_helm_finds_no_fault(helm: Helm) -> None:
    helm.run("lint", "--strict", f"--kube-version={OLDEST_KUBERNETES}", CHART)


def test_the_charts_crds_are_the_repositorys(helm: Helm) -> None:
    rendered = {
        crd["metadata"]["name"]: crd
        for crd in _of_kind(helm.render({}), "CustomResourceDefinition")
    }
    files = sorted((paths.CHECKOUT / "crds").glob("*.yaml"))
    assert len(rendered) == len(files) == 3
    for file in files:
        crd = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert rendered[crd["metadata"]["name"]]["spec"] == crd["spec"]


def test_the_crds_outlive_the_release_unless_told_otherwise(helm: Helm) -> None:
    def annotations(values: Manifest) -> list[Manifest]:
        crds = _of_kind(helm.render(values), "CustomResourceDefinition")
        return [crd["metadata"].get("annotations", {}) for crd in crds]

    assert annotations({}) == [{"helm.sh/resource-policy": "keep"}] * 3
    assert annotations({"crds": {"keep": False}}) == [{}] * 3
    assert annotations({"crds": {"enabled": False}}) == []


def test_a_packaged_chart_is_the_same(helm: Helm) -> None:
    """The link to crds/ is followed: the package holds the CRDs themselves."""
    helm.run("package", CHART, f"--destination={helm.folder}")
    [package] = helm.folder.glob("*.tgz")
    assert helm.render({}, package) == helm.render({})


@pytest.mark.parametrize("entry", REFUSED, ids=[entry["it"] for entry in REFUSED])
def test_the_chart_refuses(entry: dict[str, Any], helm: Helm) -> None:
    with pytest.raises(DevError) as refusal:
        helm.render(entry["values"])
    assert entry["message"] in str(refusal.value)


def test_a_parent_charts_values_are_admitted(helm: Helm) -> None:
    values = {"global": {"imageRegistry": "registry.example.com"}, "enabled": True}
    assert helm.render(values) == helm.render({})


def test_the_operator_reads_every_variable_that_the_chart_sets(
    helm: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "sha256:" + "0" * 64
    values: Manifest = {
        "image": {"registry": "registry.example.com:5000"},
        "streamer": {
            "image": {"digest": digest, "pullPolicy": "Always"},
            "allowedImages": ["registry.example.com/streamer:next", "registry.example.com/other:1"],
            "serviceType": "NodePort",
        },
        "deviceCidrs": ["192.0.2.0/24", "2001:db8::/64"],
        "watchNamespaces": ["phones", "games"],
        "portQuarantineSeconds": 10,
        "logLevel": "debug",
    }
    environment = _environment(helm.render(values))
    fields = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert environment.keys() == fields

    from_kubelet = {
        "CLOUDPHONE_POD_NAME": "operator-1",
        "CLOUDPHONE_POD_NAMESPACE": NAMESPACE,
        "CLOUDPHONE_POD_IP": "192.0.2.7",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, from_kubelet[name] if value is None else value)
    settings = load_settings()
    assert settings.streamer_image == f"registry.example.com:5000/cloudphone/streamer@{digest}"
    assert settings.streamer_image_pull_policy == "Always"
    assert list(settings.allowed_images) == values["streamer"]["allowedImages"]
    assert [str(network) for network in settings.device_cidrs] == values["deviceCidrs"]
    assert settings.streamer_service_type == "NodePort"
    assert settings.port_quarantine_seconds == 10
    assert list(settings.watch_namespaces) == ["phones", "games"]
    assert settings.log_level == "debug"
    assert settings.lease_name == "cloudphone-operator"
    assert settings.reports_service_name == "cloudphone-operator-reports"


def test_the_probes_and_ports_are_the_operators(helm: Helm) -> None:
    manifests = helm.render({})
    environment = _environment(manifests)
    [deployment] = _of_kind(manifests, "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert ports == {
        "reports": environment["CLOUDPHONE_REPORTS_PORT"],
        "metrics": environment["CLOUDPHONE_METRICS_PORT"],
    }
    [service] = _of_kind(manifests, "Service")
    assert "selector" not in service["spec"]
    assert service["metadata"]["name"] == environment["CLOUDPHONE_REPORTS_SERVICE_NAME"]
    assert str(service["spec"]["ports"][0]["port"]) == environment["CLOUDPHONE_REPORTS_PORT"]


def test_watched_namespaces_are_the_only_ones_it_may_write_in(helm: Helm) -> None:
    everywhere = helm.render({})
    assert {
        binding["metadata"]["name"] for binding in _of_kind(everywhere, "ClusterRoleBinding")
    } == {
        "cloudphone-operator-cluster",
        "cloudphone-operator-sessions",
    }
    manifests = helm.render({"watchNamespaces": ["phones", "games"]})
    [cluster_wide] = _of_kind(manifests, "ClusterRoleBinding")
    assert cluster_wide["roleRef"]["name"] == "cloudphone-operator-cluster"
    bound = [
        (binding["metadata"]["namespace"], binding["roleRef"]["name"])
        for binding in _of_kind(manifests, "RoleBinding")
    ]
    assert bound == [
        ("phones", "cloudphone-operator-sessions"),
        ("games", "cloudphone-operator-sessions"),
        (NAMESPACE, "cloudphone-operator"),
    ]


@pytest.fixture
async def as_operator(
    helm: Helm, api: ApiServer, crds: None, namespace: str, kubeconfig: Path
) -> AsyncIterator[KubeClient]:
    """The operator's rights where it watches one namespace, and that is not its own."""
    kinds = {"ClusterRole", "ClusterRoleBinding", "RoleBinding"}
    paths_made = []
    values = {"fullnameOverride": namespace, "watchNamespaces": [namespace]}
    served = _served(api)
    for manifest in helm.render(values):
        metadata = manifest["metadata"]
        if manifest["kind"] not in kinds or metadata.get("namespace") == NAMESPACE:
            continue
        where = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        path = served[manifest["apiVersion"], manifest["kind"]][0].format(where)
        api.request("POST", path, manifest)
        paths_made.append(f"{path}/{metadata['name']}")
    configuration = Configuration()
    await load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
    async with ApiClient(configuration) as client:
        account = f"system:serviceaccount:{NAMESPACE}:{namespace}"
        client.set_default_header("Impersonate-User", account)
        yield KubeClient(Transport(client))
    for path in paths_made:
        api.request("DELETE", path)


async def test_with_watched_namespaces_it_may_look_whether_its_kinds_are_there(
    as_operator: KubeClient, namespace: str
) -> None:
    with pytest.raises(Forbidden):
        await as_operator.list(STREAM_SESSIONS, NAMESPACE)
    settings = Settings.model_validate(
        {
            "streamer_image": "streamer",
            "pod_name": "operator-1",
            "pod_namespace": NAMESPACE,
            "pod_ip": "192.0.2.7",
            "watch_namespaces": namespace,
        }
    )
    await require_kinds(as_operator, settings)


def test_the_operator_may_not_do_more_than_it_must(helm: Helm) -> None:
    manifests = helm.render({})
    roles = _of_kind(manifests, "ClusterRole") + _of_kind(manifests, "Role")
    rules = [rule for role in roles for rule in role["rules"]]
    assert not [rule for rule in rules if "*" in json.dumps(rule)]
    secrets = [rule["verbs"] for rule in rules if "secrets" in rule["resources"]]
    assert secrets == [["get", "create", "patch"]], "Secrets are never listed or watched"
    [cluster_wide] = [
        role for role in roles if role["metadata"]["name"] == "cloudphone-operator-cluster"
    ]
    written = [
        rule["resources"]
        for rule in cluster_wide["rules"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
    ]
    assert written == [["streamnodes"], ["streamnodes/status"]]


def test_the_api_server_takes_every_object(helm: Helm, api: ApiServer, namespace: str) -> None:
    served = _served(api)
    for manifest in helm.render({"fullnameOverride": namespace, "crds": {"enabled": False}}):
        path, namespaced = served[manifest["apiVersion"], manifest["kind"]]
        if namespaced:
            manifest["metadata"]["namespace"] = namespace
            path = path.format(f"/namespaces/{namespace}")
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        api.request("POST", path.format(""), manifest, query=query)


def test_the_operator_runs_under_the_strictest_pod_security(
    helm: Helm, api: ApiServer, namespace: str
) -> None:
    # "~1" is a slash in a JSON pointer; see RFC 6901 - 3. Syntax.
    label = "/metadata/labels/pod-security.kubernetes.io~1enforce"
    patch = [{"op": "add", "path": label, "value": "restricted"}]
    api.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}",
        patch,
        content_type="application/json-patch+json",
    )
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator"}}
    api.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    [deployment] = _of_kind(helm.render({}), "Deployment")
    template = deployment["spec"]["template"]
    template["spec"]["serviceAccountName"] = "operator"
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"]["name"] = "operator"
    api.request("POST", f"/api/v1/namespaces/{namespace}/pods", pod, query={"dryRun": "All"})


def _served(api: ApiServer) -> dict[tuple[str, str], tuple[str, bool]]:
    """Path of the collection, with a place for the namespace, of each kind that the chart has."""
    found = {}
    for version in ("v1", "apps/v1", "rbac.authorization.k8s.io/v1"):
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for item in api.request("GET", root)["resources"]:
            if "/" not in item["name"]:
                found[version, item["kind"]] = (f"{root}{{}}/{item['name']}", item["namespaced"])
    return found
