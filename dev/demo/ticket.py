"""Tickets by the command that people use, for the demo, tests and benchmarks."""

import sys
from pathlib import Path

from dev.tools.command import run

_PROGRAM = Path(sys.executable).with_name("cloudphone-operator")


def mint(kubeconfig: Path, namespace: str, session: str, *, lifetime: str) -> str:
    """
    Return a ticket to watch and control a session.

    Raises:
        DevError: If the command refuses, with its sentence.
    """
    return run(
        [_PROGRAM, "ticket", f"{namespace}/{session}", f"--lifetime={lifetime}"],
        environment={"KUBECONFIG": str(kubeconfig)},
    ).strip()
