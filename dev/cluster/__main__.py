"""The command `python -m dev.cluster`."""

import argparse
import sys
from pathlib import Path

from dev.cluster import cluster
from dev.tools.program import exit_status
from dev.tools.progress import Progress


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dev.cluster",
        description=(
            "The development cluster. CLUSTER=current|kind|local chooses who provides it; without"
            " it: kind where a Docker engine answers, else a local one on Linux as root."
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring the cluster up, or make sure that it is")
    commands.add_parser("down", help="remove it and all that it made")
    commands.add_parser("status", help="say what of it runs")
    commands.add_parser("env", help="print shell lines for kubectl and helm")
    load = commands.add_parser("load", help="give image archives to its node")
    load.add_argument("archives", nargs="+", type=Path, metavar="IMAGE_ARCHIVE")
    gpu = commands.add_parser("gpu", help="say that a node has GPUs, for the scheduler only")
    gpu.add_argument("node", metavar="NODE")
    gpu.add_argument("count", type=int, metavar="COUNT")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, progress: Progress) -> None:
    match arguments.command:
        case "up":
            reached = cluster.up(progress)
            progress(f"the cluster is up; its kubeconfig is {reached.kubeconfig}")
        case "down":
            cluster.down(progress)
        case "status":
            print("\n".join(cluster.status()))
        case "env":
            print("\n".join(cluster.environment_lines(cluster.handle())))
        case "load":
            cluster.load(arguments.archives, progress)
        case "gpu":
            cluster.set_gpus(arguments.node, arguments.count)


def main() -> int:
    """Run one command; a failure is one sentence and status 1."""
    arguments = _arguments()
    return exit_status(lambda: _run(arguments, Progress()))


if __name__ == "__main__":
    sys.exit(main())
