"""Which provider is chosen, and what is said where none is."""

import pytest

from dev.cluster.provider import Machine, Provider, asked, choose
from dev.tools.errors import DevError


def machine(*, docker: bool = False, linux: bool = True, root: bool = False) -> Machine:
    return Machine(has_docker_engine=docker, is_linux=linux, is_root=root)


@pytest.mark.parametrize(
    ("name", "where", "expected"),
    [
        pytest.param(None, machine(docker=True, root=True), Provider.KIND, id="an engine wins"),
        pytest.param(None, machine(docker=True, linux=False), Provider.KIND, id="docker on a Mac"),
        pytest.param(None, machine(root=True), Provider.LOCAL, id="root on Linux"),
        pytest.param("local", machine(docker=True, root=True), Provider.LOCAL, id="local by name"),
        pytest.param("kind", machine(root=True), Provider.KIND, id="kind by name"),
        pytest.param("current", machine(), Provider.CURRENT, id="current by name"),
    ],
)
def test_the_provider_follows_the_name_then_the_machine(
    name: str | None, where: Machine, expected: Provider
) -> None:
    assert choose(name, where) is expected


@pytest.mark.parametrize(
    "where",
    [
        machine(docker=docker, linux=linux, root=root)
        for docker in (False, True)
        for linux in (False, True)
        for root in (False, True)
        if docker or (linux and root)
    ],
)
def test_the_current_context_is_never_chosen_unasked(where: Machine) -> None:
    assert choose(None, where) is not Provider.CURRENT


@pytest.mark.parametrize(
    ("name", "where", "sentence"),
    [
        pytest.param(
            "minikube",
            machine(root=True),
            "CLUSTER is minikube; expected current, kind, local",
            id="an unknown name",
        ),
        pytest.param(None, machine(), "run with sudo", id="Linux without root"),
        pytest.param(None, machine(linux=False), "Docker Desktop", id="no Linux, no engine"),
    ],
)
def test_no_way_to_a_cluster_is_said_with_the_remedy(
    name: str | None, where: Machine, sentence: str
) -> None:
    with pytest.raises(DevError, match=sentence):
        choose(name, where)


def test_an_empty_variable_asks_for_nothing() -> None:
    assert asked({"CLUSTER": " "}) is None
    assert asked({}) is None
    assert asked({"CLUSTER": "kind"}) == "kind"
