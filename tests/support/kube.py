"""kubectl as tests and benchmarks use it; every wait polls a condition and says what it last saw."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]

JsonObject = dict[str, Any]
Seen = TypeVar("Seen")


class KubectlError(Exception):
    """kubectl failed; the text is what it printed."""


class Kubectl:
    """
    One cluster, spoken to by the kubectl that the development cluster came with.

    Args:
        binary: The program.
        kubeconfig: Whose current context is the cluster.
    """

    def __init__(self, *, binary: Path, kubeconfig: Path) -> None:
        self._binary = binary
        self.kubeconfig = kubeconfig

    def run(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60) -> str:
        """
        Run kubectl to its end.

        Raises:
            KubectlError: If it fails.
        """
        done = subprocess.run(
            [str(self._binary), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )
        if done.returncode != 0:
            raise KubectlError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def apply(self, *manifests: JsonObject) -> None:
        """Server-side apply, as GitOps tools do."""
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.run("apply", "--server-side", "--filename=-", stdin=body)

    def get(self, kind: str, name: str, namespace: str) -> JsonObject | None:
        """Return an object, or None where it does not exist."""
        printed = self.run(
            "get", kind, name, f"--namespace={namespace}", "--output=json", "--ignore-not-found"
        )
        found: JsonObject | None = json.loads(printed) if printed.strip() else None
        return found

    def find(self, kind: str, namespace: str, selector: str = "") -> list[JsonObject]:
        """Return the objects of a namespace that match a label selector."""
        printed = self.run(
            "get", kind, f"--namespace={namespace}", f"--selector={selector}", "--output=json"
        )
        items: list[JsonObject] = json.loads(printed)["items"]
        return items

    def delete(self, kind: str, name: str, namespace: str, *, wait: bool = False) -> None:
        """Delete an object; the absence of it is no error."""
        self.run(
            "delete",
            kind,
            name,
            f"--namespace={namespace}",
            "--ignore-not-found",
            f"--wait={str(wait).lower()}",
        )


async def until(
    look: Callable[[], Seen], *, meets: Callable[[Seen], bool], what: str, timeout_s: float = 60
) -> Seen:
    """
    Look again and again until what is seen meets the condition.

    Raises:
        AssertionError: After `timeout_s`, with what was seen last.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        seen = await asyncio.to_thread(look)
        if meets(seen):
            return seen
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s} s: {what}; last seen: {seen!r:.2000}")
        await asyncio.sleep(0.1)


def condition(session: JsonObject | None, kind: str) -> str:
    """Status of a condition of an object, or the empty string."""
    conditions = (session or {}).get("status", {}).get("conditions", [])
    found = [item["status"] for item in conditions if item["type"] == kind]
    return found[0] if found else ""
