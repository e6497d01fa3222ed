"""What a client asks for is what it gets, also when two ask at once."""

import contextlib
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.phone.adb_program import AdbProgram
from tests.integration.phone.pictures import decode
from tests.support.clock_strip import read_clock_strip

SERVER = "/data/local/tmp/scrcpy-server.jar"
CONNECT_TIMEOUT_S = 10
RECEIVED_S = 3


@pytest.fixture
def pushed(adb: AdbProgram, server_file: Path) -> AdbProgram:
    adb.push(server_file, SERVER)
    return adb


@contextlib.contextmanager
def raw_stream(adb: AdbProgram, options: str) -> Iterator[socket.socket]:
    """Start a server whose video socket has H.264 and nothing else, and connect to it."""
    scid = f"{secrets.randbits(31):08x}"
    port = adb.forward(f"localabstract:scrcpy_{scid}")
    start = f"CLASSPATH={SERVER} app_process / com.genymobile.scrcpy.Server 3.3.4 scid={scid}"
    fixed = "tunnel_forward=true raw_stream=true audio=false control=false cleanup=false"
    with adb.running(f"{start} {fixed} {options}"):
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while time.monotonic() < deadline_s:
            client = socket.create_connection(("127.0.0.1", port))
            # adb accepts at once; before the server listens it closes the connection again.
            if client.recv(1, socket.MSG_PEEK):
                with client:
                    yield client
                return
            client.close()
            time.sleep(0.05)
    pytest.fail(f"no video within {CONNECT_TIMEOUT_S} s")


def receive(client: socket.socket) -> bytes:
    data = b""
    deadline_s = time.monotonic() + RECEIVED_S
    while time.monotonic() < deadline_s:
        data += client.recv(1 << 20)
    return data


def test_size_and_rate_are_limited_and_the_strip_scales(pushed: AdbProgram) -> None:
    with raw_stream(pushed, "max_size=800 max_fps=30") as client:
        pictures = list(decode(receive(client)))
    assert {picture.size for picture in pictures} == {(448, 800)}
    # A rate, with room for a loaded machine, but none for 60.
    assert 20 * RECEIVED_S < len(pictures) < 35 * RECEIVED_S
    assert all(read_clock_strip(picture.luma, 800 / 1280) is not None for picture in pictures)


def test_the_bit_rate_is_near_what_was_asked_for(pushed: AdbProgram) -> None:
    with raw_stream(
        pushed, "video_bit_rate=3000000 video_codec_options=i-frame-interval=1"
    ) as client:
        receive(client)
        bit_rate_bps = len(receive(client)) * 8 / RECEIVED_S
    assert 1_500_000 < bit_rate_bps < 4_000_000


def test_two_clients_each_have_their_encoder(pushed: AdbProgram) -> None:
    with raw_stream(pushed, "max_size=800") as one, raw_stream(pushed, "") as other:
        sizes = [{picture.size for picture in decode(receive(client))} for client in (one, other)]
    assert sizes == [{(448, 800)}, {(720, 1280)}]
