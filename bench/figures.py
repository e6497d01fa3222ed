"""Prints the README's figures from bench/out/*.json: `make figures`."""

import sys
from typing import Any

from bench.report import read_result, table
from dev.tools.errors import DevError
from dev.tools.program import exit_status

_STARTS = {
    "StreamSession applied -> pod created": "created -> pod created",
    "StreamSession applied -> Ready": "created -> Ready",
    "StreamSession applied -> first frame decoded": "created -> first frame",
    "WHEP offer -> first frame decoded": "WHEP offer -> first frame",
}
"""README's words -> the benchmark's."""


def main() -> int:
    return exit_status(_print_figures)


def _print_figures() -> None:
    try:
        print(figures(read_result("glass"), read_result("start")))
    except KeyError as error:
        raise DevError(
            f"a file of bench/out lacks {error}: another version wrote it; run `make bench` again"
            " for `glass` and `start`"
        ) from error


def figures(glass: dict[str, Any], start: dict[str, Any]) -> str:
    """
    Return the table and a sentence on where it comes from, as Markdown.

    Args:
        glass: What the benchmark `glass` has written.
        start: What the benchmark `start` has written.
    """
    latencies = {
        "pixel drawn on the phone -> frame in the page": glass["callbackMs"],
        "finger on the page -> its dot in the page": glass["touchMs"],
    }
    seconds = start["seconds"]
    rows = [(what, *_percentiles(times, "ms", 0)) for what, times in latencies.items()]
    rows += [(what, *_percentiles(seconds[name], "s", 2)) for what, name in _STARTS.items()]
    rows.append(("frames presented a second", f"{glass['presentedFps']:.1f}", ""))
    machine, taken_on = glass["machine"], glass["takenAt"].partition("T")[0]
    return (
        f"{table(('what', 'p50', 'p99'), rows)}\n\n"
        f"Taken on {taken_on} by `make bench` ({glass['callbackMs']['count']} frames,"
        f" {glass['touchMs']['count']} touches, {seconds['created -> Ready']['count']} starts):"
        f" simulated phones, cluster and headless Chromium together on {machine['cpus']} CPUs"
        f" without a GPU."
    )


def _percentiles(times: dict[str, float], unit: str, digits: int) -> tuple[str, str]:
    return f"{times['p50']:.{digits}f} {unit}", f"{times['p99']:.{digits}f} {unit}"


if __name__ == "__main__":
    sys.exit(main())
