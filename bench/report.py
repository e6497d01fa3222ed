"""Percentiles, tables and the JSON file of a benchmark."""

import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.tools.errors import DevError

OUT = Path(__file__).resolve().parent / "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What many measurements of one quantity look like."""

    count: int
    minimum: float
    p50: float
    p99: float
    maximum: float


def summarize(values: Sequence[float]) -> Distribution:
    """
    Describe at least two measurements.

    Raises:
        ValueError: If there are fewer; nothing honest can be said of one.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} measurements; expected at least 2")
    percentiles = statistics.quantiles(values, n=100, method="inclusive")
    return Distribution(
        count=len(values),
        minimum=min(values),
        p50=statistics.median(values),
        p99=percentiles[98],
        maximum=max(values),
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown, so that it can be quoted as it is."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((line(header), rule, *map(line, rows)))


def write_result(name: str, result: Mapping[str, object]) -> None:
    """Write bench/out/NAME.json, with what is needed to judge the figures."""
    OUT.mkdir(exist_ok=True)
    machine = {
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }
    taken_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path = OUT / f"{name}.json"
    body = {"name": name, "takenAt": taken_at, "machine": machine, **result}
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(OUT.parents[1])}")


def read_result(name: str) -> dict[str, Any]:
    """
    Read bench/out/NAME.json.

    Raises:
        DevError: If there is none, with the command that makes it.
    """
    path = OUT / f"{name}.json"
    if not path.is_file():
        raise DevError(
            f"{path.relative_to(OUT.parents[1])} is missing; run `make bench NAME={name}`"
        )
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result
