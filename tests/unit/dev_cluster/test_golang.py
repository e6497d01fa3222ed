"""Names and flags of the Go builds."""

import pytest

from dev.cluster.golang import build_name, go_version, linker_flags, pinned_version
from dev.tools.errors import DevError

GO_MOD = """module cloudphone.io/dev/kubernetes

go 1.24.0

require k8s.io/kubernetes v1.34.4

require (
	helm.sh/helm/v3 v3.22.0
	k8s.io/kubernetes-csi v9.9.9 // indirect
)
"""


@pytest.mark.parametrize(
    ("upstream", "version"),
    [
        pytest.param("k8s.io/kubernetes", "v1.34.4", id="on a line of its own"),
        pytest.param("helm.sh/helm/v3", "v3.22.0", id="in a block"),
    ],
)
def test_the_version_is_the_one_that_go_mod_requires(upstream: str, version: str) -> None:
    assert pinned_version(GO_MOD, upstream) == version


def test_a_module_that_is_not_required_is_said() -> None:
    with pytest.raises(DevError, match=r"requires no k8s\.io/client-go"):
        pinned_version(GO_MOD, "k8s.io/client-go")


def test_kubernetes_programs_are_linked_with_their_version() -> None:
    assert linker_flags("pkg/version", "v1.34.4") == (
        "-s -w -X pkg/version.gitVersion=v1.34.4 -X pkg/version.gitMajor=1"
        " -X pkg/version.gitMinor=34"
    )
    assert linker_flags(None, "v3.22.0") == "-s -w"


def test_any_other_input_gives_another_cache_folder() -> None:
    name = build_name("helm", "v3.22.0", {"go.mod": b"a", "go.sum": b"b"})
    assert name.startswith("helm-v3.22.0-")
    assert name == build_name("helm", "v3.22.0", {"go.sum": b"b", "go.mod": b"a"})
    assert name != build_name("helm", "v3.22.0", {"go.mod": b"a", "go.sum": b"c"})
    assert name != build_name("helm", "v3.22.0", {"go.mod": b"ab", "go.sum": b""})


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.21rc2 darwin/arm64", (1, 21)),
        ("gcc (Debian 12.2.0) 12.2.0", None),
    ],
)
def test_the_version_of_go_is_read(said: str, version: tuple[int, int] | None) -> None:
    assert go_version(said) == version
