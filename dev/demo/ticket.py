"""Tickets by the command that people use, for the demo, tests and benchmarks."""

import sys
from pathlib import Path

from dev.cluster.command import run

_PROGRAM = Path(sys.executable).with_name("cloudphone-operator")


def mint(kubeconfig: Path, namespace: str, session: str, *, lifetime: str) -> str:
    """
    Return a ticket to watch and control a session.

    Raises:
        ClusterError: If the command refuses, with its sentence.
    """
    command = [_PROGRAM, "ticket", f"{namespace}/{session}", f"--lifetime={lifetime}"]
    return run(command, environment={"KUBECONFIG": str(kubeconfig)}).strip()
