"""Chooses who provides the cluster: the user's own context, kind, or this machine."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dev.tools import command
from dev.tools.errors import DevError

VARIABLE = "CLUSTER"


class Provider(StrEnum):
    """The ways to a cluster; the values are those of the variable CLUSTER."""

    CURRENT = "current"
    KIND = "kind"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the choice depends on."""

    has_docker_engine: bool
    is_linux: bool
    is_root: bool


def choose(asked: str | None, machine: Machine) -> Provider:
    """
    Choose the provider.

    Args:
        asked: the variable CLUSTER; a context of the user's is only taken when named here, so
            that no production cluster is touched by surprise.
        machine: what this machine has.
    Returns:
        The provider.
    Raises:
        DevError: If the name is unknown, or this machine has no way to a cluster.
    """
    if asked:
        try:
            return Provider(asked)
        except ValueError as error:
            raise DevError(
                f"{VARIABLE} is {asked}; expected {', '.join(Provider)}, or nothing to let the"
                " machine decide"
            ) from error
    if machine.has_docker_engine:
        return Provider.KIND
    if machine.is_linux and machine.is_root:
        return Provider.LOCAL
    if machine.is_linux:
        raise DevError(
            "no Docker engine answers and this is not root; run with sudo for a local cluster, or"
            f" start a Docker engine, or set {VARIABLE}=current to use your kubeconfig's context"
        )
    raise DevError(
        "no Docker engine answers; install and start one (Docker Desktop, Colima) and kind, or set"
        f" {VARIABLE}=current to use your kubeconfig's context"
    )


def asked(environment: Mapping[str, str]) -> str | None:
    """Return what the variable CLUSTER asks for, if anything."""
    return environment.get(VARIABLE, "").strip() or None


def this_machine() -> Machine:
    """Look at this machine."""
    return Machine(
        has_docker_engine=docker_answers(),
        is_linux=sys.platform == "linux",
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
    )


def docker_answers() -> bool:
    """Whether a Docker engine answers; the client alone is no engine."""
    docker = command.find("docker")
    if docker is None:
        return False
    try:
        command.run([docker, "info", "--format", "{{.ServerVersion}}"], timeout_s=10)
    except DevError:
        return False
    return True
