"""The command line: `python -m dev.images --help`."""

import argparse
import subprocess
import sys

from dev.images.build import build, built_archives
from dev.images.definitions import IMAGES
from dev.images.engine import remove_storage
from dev.images.store import remove_archives
from dev.tools.program import exit_status
from dev.tools.progress import Progress


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    names_help = f"images, all by default: base, {', '.join(IMAGES)}"
    for name, text in {
        "build": "build the images whose inputs have changed",
        "archive-paths": "print the built images' docker-archives, one a line",
        "load": "build, and import into the running development cluster",
    }.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("names", nargs="*", metavar="IMAGE", help=names_help)
    commands.add_parser("clean", help="remove all built images from the cache")
    arguments = parser.parse_args()
    return exit_status(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    progress = Progress()
    match arguments.command:
        case "build":
            build(arguments.names, progress)
        case "archive-paths":
            for archive in built_archives(arguments.names, progress):
                print(archive)
        case "load":
            archives = build(arguments.names, progress)
            command = [sys.executable, "-m", "dev.cluster", "load", *map(str, archives)]
            return subprocess.run(command, check=False).returncode
        case "clean":
            remove_storage()
            remove_archives()
    return 0


if __name__ == "__main__":
    sys.exit(main())
