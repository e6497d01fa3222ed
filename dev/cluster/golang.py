"""
Builds the Go programs of this checkout: Kubernetes' own, helm, the pods' pause program, and the
benchmarks' peers.

Each is a Go module that pins its upstream by version and checksum. A build goes into the cache
under a name made from everything that decides its result, so that a second run finds it and does
nothing.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.tools import command, files, paths
from dev.tools.errors import DevError
from dev.tools.progress import Progress

# The machine's own Go settings must not change what is built, but for its module proxy. An empty
# variable would not do: Go then takes the value that `go env -w` wrote. A newer toolchain that a
# module asks for may be fetched.
_SETTINGS = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    "GOWORK": "off",
    "GOTOOLCHAIN": "auto",
}
# Go before 1.21 cannot fetch the toolchain that a module's `go` line asks for.
_OLDEST_GO = (1, 21)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """One Go module: what it builds, and from where."""

    name: str
    directory: Path
    upstream: str | None
    """Module path of the pinned upstream; None for a program whose source is here."""
    package: str
    """Package of a program; `{}` stands for its name. With a dot in front its source is here."""
    version_package: str | None
    """Kubernetes' programs refuse each other without a version linked into this package."""


KUBERNETES = GoModule(
    name="kubernetes",
    directory=paths.GO_MODULES / "kubernetes",
    upstream="k8s.io/kubernetes",
    package="k8s.io/kubernetes/cmd/{}",
    version_package="k8s.io/component-base/version",
)
HELM = GoModule(
    name="helm",
    directory=paths.GO_MODULES / "helm",
    upstream="helm.sh/helm/v3",
    package="helm.sh/helm/v3/cmd/{}",
    version_package=None,
)
PAUSE = GoModule(
    name="pause",
    directory=paths.GO_MODULES / "pause",
    upstream=None,
    package=".",
    version_package=None,
)
PION = GoModule(
    name="pion",
    directory=paths.CHECKOUT / "bench" / "go",
    upstream="github.com/pion/webrtc/v4",
    package="./{}",
    version_package=None,
)

_MODULE_OF = {
    "kube-apiserver": KUBERNETES,
    "kube-controller-manager": KUBERNETES,
    "kube-scheduler": KUBERNETES,
    "kubelet": KUBERNETES,
    "kube-proxy": KUBERNETES,
    "kubectl": KUBERNETES,
    "helm": HELM,
    "pause": PAUSE,
    "pion-sender": PION,
    "viewers": PION,
}


def programs(names: Iterable[str], progress: Progress) -> dict[str, Path]:
    """
    Return each named program's path in the cache; build what is not there yet.

    Args:
        names: programs of the modules above.
        progress: told before each build.
    Raises:
        DevError: If Go is missing or too old, or a build fails.
    """
    targets = {name: _target(name) for name in names}
    missing = {name: target for name, target in targets.items() if not target.is_file()}
    if missing:
        go = _go()
        with files.exclusive(
            paths.cache() / "bin" / "lock", progress, waiting_for="another build of these programs"
        ):
            for name, target in missing.items():
                if not target.is_file():
                    _build(go, name, target, progress)
    return targets


def pinned_version(go_mod: str, upstream: str) -> str:
    """Return the version that a `go.mod`'s `require` lines give to a module."""
    found = re.search(rf"^(?:require )?\s*{re.escape(upstream)} (v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise DevError(f"go.mod requires no {upstream}; restore it from Git")
    return found.group(1)


def linker_flags(version_package: str | None, version: str) -> str:
    """Return the `-ldflags`: no symbol tables, and the version where the programs read it."""
    flags = ["-s", "-w"]
    if version_package is not None:
        major, minor = version.removeprefix("v").split(".")[:2]
        for variable, value in {
            "gitVersion": version,
            "gitMajor": major,
            "gitMinor": minor,
        }.items():
            flags += ["-X", f"{version_package}.{variable}={value}"]
    return " ".join(flags)


def build_name(name: str, version: str, inputs: Mapping[str, bytes]) -> str:
    """
    Return the cache folder's name for a build: readable, and different for any other input.

    Args:
        name: the module's name.
        version: the pinned version.
        inputs: everything else that decides the result, by name.
    """
    digest = hashlib.sha256()
    for input_name, content in sorted(inputs.items()):
        digest.update(f"{input_name}\0{len(content)}\0".encode() + content)
    return f"{name}-{version}-{digest.hexdigest()[:12]}"


def go_version(text: str) -> tuple[int, int] | None:
    """Read `go version go1.26.8 linux/amd64`; None when it is something else."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def _version_of(module: GoModule) -> str:
    if module.upstream is None:
        return "v0"
    go_mod = (module.directory / "go.mod").read_text(encoding="utf-8")
    return pinned_version(go_mod, module.upstream)


def _target(name: str) -> Path:
    module = _MODULE_OF[name]
    folder = module.directory
    version = _version_of(module)
    inputs = {file.name: file.read_bytes() for file in folder.glob("go.*")}
    if module.package.startswith("."):
        inputs |= {
            str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.go")
        }
    inputs["flags"] = linker_flags(module.version_package, version).encode()
    inputs["machine"] = os.uname().machine.encode()
    return paths.cache() / "bin" / build_name(module.name, version, inputs) / name


def _go() -> Path:
    # sudo resets PATH, so that the usual place of Go's own archive is looked at as well.
    usual = Path("/usr/local/go/bin/go")
    go = command.find("go") or (usual if usual.is_file() else None)
    if go is None:
        raise DevError(
            "Go is not installed; install Go 1.21 or newer (https://go.dev/doc/install), it builds"
            " Kubernetes and the benchmarks' peers from source"
        )
    said = command.run([go, "version"], environment=_SETTINGS | {"GOTOOLCHAIN": "local"})
    version = go_version(said)
    if version is None or version < _OLDEST_GO:
        raise DevError(
            f"{go} is {said.strip()}; expected Go 1.21 or newer (https://go.dev/doc/install)"
        )
    return go


def _build(go: Path, name: str, target: Path, progress: Progress) -> None:
    module = _MODULE_OF[name]
    version = _version_of(module)
    host_system, host_machine = command.run([go, "env", "GOHOSTOS", "GOHOSTARCH"]).split()
    progress(f"building {name} {version if module.upstream else ''}".rstrip())
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{name}.unfinished")
    try:
        command.run(
            [
                go,
                "build",
                "-ldflags",
                linker_flags(module.version_package, version),
                "-o",
                unfinished,
                module.package.format(name),
            ],
            environment={**_SETTINGS, "GOOS": host_system, "GOARCH": host_machine},
            directory=module.directory,
            timeout_s=3600,
        )
        # The rename is the stamp: a file of this name is a finished build.
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
