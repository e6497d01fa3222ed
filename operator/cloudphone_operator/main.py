"""
The program `cloudphone-operator`.

    run       reconcile StreamSessions; configured by environment variables (see `settings`)
    ticket    print a ticket for one session
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable

from cloudphone_operator import ticket
from cloudphone_operator.errors import OperatorError
from cloudphone_operator.health import Health, start_health_server
from cloudphone_operator.kube.client import connect
from cloudphone_operator.leading import lead
from cloudphone_operator.lease import LeaderElector
from cloudphone_operator.names import OPERATOR
from cloudphone_operator.reports.book import ReportBook
from cloudphone_operator.reports.credentials import Credentials
from cloudphone_operator.reports.server import ReportsServer
from cloudphone_operator.settings import Settings, load_settings

_LEASE_SILENT_S = 30.0
"""A replica that has not seen the Lease for so long cannot take over."""

_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

_logger = logging.getLogger(__name__)


def main() -> None:
    """Run the command that the arguments name; exit status 1 with a sentence if it fails."""
    parser = argparse.ArgumentParser(
        prog=OPERATOR,
        description="Streams the screens of Android phones that run in containers.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="reconcile StreamSessions (environment: CLOUDPHONE_...)")
    ticket.add_arguments(
        commands.add_parser("ticket", help="print a ticket to watch one StreamSession")
    )
    arguments = parser.parse_args()
    try:
        if arguments.command == "ticket":
            print(asyncio.run(ticket.run(arguments)))  # noqa: T201 - the command's output
        else:
            asyncio.run(run(load_settings()))
    except OperatorError as error:
        sys.exit(f"{OPERATOR}: {error}")


async def run(settings: Settings) -> None:
    """
    Serve reports, health and metrics, and lead while the Lease is ours; until SIGTERM or SIGINT.

    Raises:
        OperatorError: If it cannot go on; the kubelet starts the process again.
    """
    logging.basicConfig(level=settings.log_level.upper(), format=_LOG_FORMAT)
    # kopf tells of each watch and each event; that is for those who debug it.
    logging.getLogger("kopf").setLevel(
        logging.DEBUG if settings.log_level == "debug" else logging.WARNING
    )
    loop = asyncio.get_running_loop()

    def take_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, serving.cancel)

    serving = asyncio.create_task(_serve(settings, take_signals), name="serve")
    take_signals()
    try:
        await serving
    except asyncio.CancelledError:
        _logger.info("stopped by a signal")


async def _serve(settings: Settings, take_signals: Callable[[], None]) -> None:
    health = Health()
    async with contextlib.AsyncExitStack() as stack:
        kube = await stack.enter_async_context(connect())
        book = ReportBook()
        reports = ReportsServer(book, Credentials(kube))
        for start in (
            start_health_server(health, settings.metrics_port),
            reports.serve(settings.reports_port),
        ):
            stack.push_async_callback((await start).cleanup)
        elector = LeaderElector(
            kube,
            namespace=settings.pod_namespace,
            name=settings.lease_name,
            identity=settings.pod_name,
        )
        health.add_readiness("lease", lambda: _find_silence(elector))
        await elector.run(
            lambda: lead(
                kube,
                settings=settings,
                book=book,
                reports=reports,
                health=health,
                on_signal_handlers_lost=take_signals,
            )
        )


def _find_silence(elector: LeaderElector) -> str | None:
    if elector.silent_s < _LEASE_SILENT_S:
        return None
    return (
        f"the Lease was not seen for {elector.silent_s:.0f} s; "
        f"expected less than {_LEASE_SILENT_S:.0f}"
    )
