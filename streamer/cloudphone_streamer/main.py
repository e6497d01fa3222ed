"""The command `cloudphone-streamer`: arguments, signals, exit codes."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cloudphone_streamer import demo, logs
from cloudphone_streamer.addresses import LOOPBACK, machine_addresses
from cloudphone_streamer.app import Streamer
from cloudphone_streamer.errors import StreamerError
from cloudphone_streamer.session import SessionFiles
from cloudphone_streamer.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the streamer until SIGTERM or SIGINT.

    Returns:
        Exit code: 0 after a signal, 1 if it cannot start.
    """
    parser = argparse.ArgumentParser(
        prog="cloudphone-streamer",
        description="Streams one Android phone to browsers. In a pod it reads the session that "
        "the operator wrote; with --demo it needs neither Kubernetes nor a phone.",
    )
    parser.add_argument(
        "--demo", action="store_true", help="stream a built-in test picture and print its URL"
    )
    parser.add_argument("--version", action="version", version=version("cloudphone-streaming"))
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_env()
        logs.configure(settings.log_level)
        asyncio.run(_run_demo(settings) if options.demo else _run_session(settings))
    except StreamerError as error:
        print(f"cloudphone-streamer: {error}", file=sys.stderr)  # noqa: T201 - for a person
        return 1
    return 0


async def _run_session(settings: Settings) -> None:
    files = SessionFiles(settings.session_dir)
    files.check_keys()
    streamer = Streamer(
        settings=settings,
        document=files.document(),
        keys=files,
        addresses=settings.nat_1to1_ips or machine_addresses(),
    )
    await _run(streamer, greeting=None)


async def _run_demo(settings: Settings) -> None:
    keys = demo.DemoKeys()
    others = settings.nat_1to1_ips or machine_addresses()
    addresses = (LOOPBACK, *(address for address in others if address != LOOPBACK))
    streamer = Streamer(settings=settings, document=demo.DOCUMENT, keys=keys, addresses=addresses)
    urls = [
        demo.viewer_url(address=address, port=settings.port, keys=keys) for address in addresses[:2]
    ]
    greeting = f"Open {urls[0]}"
    if len(urls) > 1:
        greeting += f"\nFrom another machine: {urls[1]}"
    await _run(streamer, greeting=f"{greeting}\nCtrl-C ends it.")


async def _run(streamer: Streamer, *, greeting: str | None) -> None:
    loop = asyncio.get_running_loop()
    asked_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_end.set)
    try:
        await streamer.start()
        if greeting:
            print(greeting, flush=True)  # noqa: T201 - for a person
        await asked_to_end.wait()
    finally:
        await streamer.close()
