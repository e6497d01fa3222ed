"""The real `cloudphone-streamer` process, for the tests beside this file."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from cloudphone_protocol.environment import CREDENTIAL_FILE, DOCUMENT_FILE, TICKET_KEY_FILE
from cloudphone_protocol.session import Capture, CaptureMode, SessionDocument, SessionRef
from cloudphone_protocol.tickets import Permission, Ticket, sign_ticket
from cloudphone_streamer.addresses import machine_addresses

ADDRESS = machine_addresses()[0]
"""Stock aiortc has no candidate of its own that reaches the loopback address."""

COMMAND = Path(sys.executable).with_name("cloudphone-streamer")

DOCUMENT = SessionDocument(
    session=SessionRef(namespace="phones", name="phone-1", uid="uid-1"),
    capture=Capture(mode=CaptureMode.TEST_PATTERN),
)


def free_port() -> int:
    """A port that nobody has now, neither in TCP nor in UDP: media has both."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("", 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError):
                udp.bind(("", port))
                return port


@dataclass(frozen=True, kw_only=True)
class Session:
    """The files of one session, as the kubelet mounts them."""

    directory: Path
    document: SessionDocument = DOCUMENT
    ticket_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    credential: str = field(default_factory=lambda: secrets.token_hex(32))

    def write(self) -> None:
        self.directory.mkdir(exist_ok=True)
        (self.directory / DOCUMENT_FILE).write_text(self.document.to_json())
        (self.directory / TICKET_KEY_FILE).write_text(self.ticket_key.hex())
        (self.directory / CREDENTIAL_FILE).write_text(self.credential)

    def ticket(
        self,
        *permissions: Permission,
        uid: str | None = None,
        key: bytes | None = None,
        age_s: int = 0,
    ) -> str:
        now_s = int(time.time()) - age_s
        ticket = Ticket(
            id=secrets.token_hex(8),
            subject="tester",
            permissions=frozenset({Permission.VIEW, *permissions}),
            issued_at=now_s,
            expires_at=now_s + 60,
        )
        return sign_ticket(
            ticket,
            session_uid=uid or self.document.session.uid,
            key=key or self.ticket_key,
        )


@dataclass(kw_only=True)
class Streamer:
    """A running process and how to talk to it."""

    process: asyncio.subprocess.Process
    port: int
    internal_port: int
    media_port: int
    http: aiohttp.ClientSession
    session: Session
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def internal_url(self) -> str:
        return f"http://127.0.0.1:{self.internal_port}"

    def viewer_url(self, ticket: str) -> str:
        return f"{self.url}/#ticket={ticket}"

    async def push(self, document: SessionDocument, credential: str | None = None) -> Any:
        """PUT a document; returns status and body."""
        async with self.http.put(
            f"{self.internal_url}/internal/v1/session",
            data=document.to_json(),
            headers={"Authorization": f"Bearer {credential or self.session.credential}"},
        ) as response:
            return response.status, json.loads(await response.text())

    async def metric(self, name: str) -> float:
        async with self.http.get(f"{self.internal_url}/metrics") as response:
            text = await response.text()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)
        )

    async def until_ready(self, timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not await self._is_ready():
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(10):
            return await self.process.wait()

    async def _is_ready(self) -> bool:
        assert self.process.returncode is None, f"it has ended:\n{self.log.read_text()}"
        try:
            async with self.http.get(f"{self.internal_url}/health") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False


@asynccontextmanager
async def streamer(
    session: Session,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Streamer]:
    """Start a streamer for `session` and wait until it is ready; end it at the end."""
    session.write()
    ports = {
        "PORT": free_port(),
        "INTERNAL_PORT": free_port(),
        "ICE_PORT_MIN": (media_port := free_port()),
        "ICE_PORT_MAX": media_port,
    }
    variables = {
        **os.environ,
        "SESSION_DIR": str(session.directory),
        "NAT_1TO1_IPS": ADDRESS,
        "POD_NAME": "phone-1-0",
        **{name: str(port) for name, port in ports.items()},
        **(environment or {}),
    }
    log = session.directory.with_suffix(".log")
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            COMMAND, *arguments, env=variables, stderr=stderr, stdout=asyncio.subprocess.PIPE
        )
    try:
        async with aiohttp.ClientSession() as http:
            running = Streamer(
                process=process,
                port=int(variables["PORT"]),
                internal_port=int(variables["INTERNAL_PORT"]),
                media_port=media_port,
                http=http,
                session=session,
                log=log,
            )
            await running.until_ready()
            yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def run_to_end(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run the command until it ends by itself; returns exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()
