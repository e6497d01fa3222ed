"""The process as a whole: how it starts, and above all how it ends."""

import asyncio
import re
import signal
import socket
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.integration.streamer_app.process import (
    Session,
    Streamer,
    free_port,
    run_to_end,
    streamer,
)
from tests.support.whep import WhepViewer


async def test_the_version_is_that_of_the_distribution() -> None:
    code, stdout, _ = await run_to_end("--version")
    assert (code, stdout.strip()) == (0, version("cloudphone-streaming"))


async def test_the_demo_prints_a_url_that_opens(session: Session) -> None:
    async with streamer(session, "--demo") as demo:
        assert demo.process.stdout is not None
        line = (await demo.process.stdout.readline()).decode()
        match = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+/)#ticket=(\S+)\n", line)
        assert match is not None
        async with demo.http.get(match[1]) as response:
            assert response.status == 200
            assert 'id="screen"' in await response.text()
        async with WhepViewer(f"{match[1]}whep", match[2]) as viewer:
            await viewer.connect()
            frame = await viewer.next_frame()
            assert (frame.width, frame.height) == (720, 1280)
        assert await demo.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_viewers_within_five_seconds(
    running: Streamer, number: signal.Signals
) -> None:
    async with WhepViewer(f"{running.url}/whep", running.session.ticket()) as viewer:
        await viewer.connect()
        await viewer.next_frame()
        begun_s = time.monotonic()
        assert await running.end(number) == 0
        assert time.monotonic() - begun_s < 5
        viewer._resource = None  # Nobody is there to be told that it is over.


@pytest.mark.parametrize("variable", ["PORT", "INTERNAL_PORT"])
async def test_a_busy_port_is_said_in_one_sentence(session: Session, variable: str) -> None:
    session.write()
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        ports = {"PORT": free_port(), "INTERNAL_PORT": free_port(), variable: port}
        code, stdout, stderr = await run_to_end(
            environment={
                "SESSION_DIR": str(session.directory),
                "NAT_1TO1_IPS": "127.0.0.1",
                **{name: str(value) for name, value in ports.items()},
            }
        )
    assert (code, stdout) == (1, "")
    (line,) = [line for line in stderr.splitlines() if line.startswith("cloudphone-streamer: ")]
    assert f"{variable} is {port}" in line
    assert "Traceback" not in stderr


async def test_a_busy_media_port_is_said_in_one_sentence(session: Session) -> None:
    session.write()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))
        port = str(other.getsockname()[1])
        code, _, stderr = await run_to_end(
            environment={
                "SESSION_DIR": str(session.directory),
                "NAT_1TO1_IPS": "127.0.0.1",
                "ICE_PORT_MIN": port,
                "ICE_PORT_MAX": port,
            }
        )
    assert code == 1
    assert port in stderr
    assert "Traceback" not in stderr


async def test_a_missing_session_is_said_in_one_sentence(tmp_path: Path) -> None:
    code, _, stderr = await run_to_end(environment={"SESSION_DIR": str(tmp_path / "none")})
    assert code == 1
    assert "SESSION_DIR" in stderr
    assert "Traceback" not in stderr


async def test_a_wrong_variable_is_said_in_one_sentence() -> None:
    code, _, stderr = await run_to_end(environment={"ICE_PORT_MIN": "many"})
    assert code == 1
    assert stderr.startswith("cloudphone-streamer: ICE_PORT_MIN is 'many'; expected: ")


async def test_no_secret_is_ever_logged(session: Session) -> None:
    async with streamer(session, environment={"LOG_LEVEL": "debug"}) as running:
        ticket = session.ticket()
        async with WhepViewer(f"{running.url}/whep", ticket) as viewer:
            await viewer.connect()
            await viewer.next_frame()
            resource = viewer._resource
            assert resource is not None
        async with running.http.post(
            f"{running.url}/whep?ticket={ticket}", headers={"Content-Type": "application/sdp"}
        ) as response:
            assert response.status == 401
        await running.push(session.document, credential="wrong-credential-of-somebody")
        await asyncio.sleep(0.2)
        await running.end()
    text = running.log.read_text()
    assert "viewer connected" in text
    secrets_of_all = (
        ticket,
        session.credential,
        session.ticket_key.hex(),
        "wrong-credential-of-somebody",
        resource.rsplit("/", 1)[1],
    )
    assert [secret for secret in secrets_of_all if secret in text] == []
