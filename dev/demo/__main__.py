"""The command line: `python -m dev.demo up|down` (or `make demo`, `make demo-down`)."""

import argparse
import sys

from dev.cluster import Progress
from dev.demo import lifecycle, stack
from dev.demo.environment import Demo
from dev.tools.program import exit_status


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    command = parser.parse_args().command
    return exit_status(lambda: _run(command, Progress()))


def _run(command: str, progress: Progress) -> None:
    with stack.alone(progress):
        if command == "down":
            lifecycle.down(progress)
        else:
            _say_what_to_do(lifecycle.up(progress))


def _say_what_to_do(demo: Demo) -> None:
    host = demo.page_url.split("/")[2]
    print(f"""
Two phones are streaming. Touch the first one in a browser on this machine:

    {demo.viewer_url}

The same as values for shells, and the sessions as they change:

    source .demo/env
    kubectl get streams -n {demo.namespace} -w

The token is a ticket for 24 hours; anybody who has it may watch and touch this phone.

From another machine: forward the page, `ssh -L {host.split(":")[-1]}:{host} THIS-MACHINE`, and open
the same URL there. The picture comes by UDP straight from the node, so tell the sessions an
address of this machine that the other one reaches, and let them be made anew:

    kubectl annotate node --all streaming.cloudphone.io/addresses=ADDRESS
    kubectl delete pod -n {demo.namespace} -l app.kubernetes.io/name=cloudphone-streamer

Stop everything: make demo-down""")


if __name__ == "__main__":
    sys.exit(main())
