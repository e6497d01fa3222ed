"""The ADB client and the real daemon of Android."""

import asyncio
import base64
import contextlib
import re
import socket
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from cloudphone_streamer.adb.connection import (
    PROBE_TIMEOUT_S,
    SILENCE_BEFORE_PROBE_S,
    AdbConnection,
)
from cloudphone_streamer.adb.errors import (
    AdbConnectionLost,
    AdbError,
    AdbProtocolViolation,
    AdbServiceRefused,
    AdbStreamClosed,
    AdbSyncFailed,
    AdbTlsRequired,
    AdbUnauthorized,
    AdbUnreachable,
)
from cloudphone_streamer.adb.handshake import DELAYED_ACK, SHELL_V2
from cloudphone_streamer.adb.keys import AdbKey
from cloudphone_streamer.adb.reader import ByteReader
from cloudphone_streamer.adb.shell import Command
from cloudphone_streamer.adb.sync import push
from cloudphone_streamer.adb.wire import Command as Verb
from cloudphone_streamer.adb.wire import Message, MessageParser, to_bytes
from tests.integration.capture.relay import Relay
from tests.integration.phone.simulated_phone import PhoneHandle


async def run(adb: AdbConnection, command: str) -> tuple[str, int | None]:
    running = await Command.start(adb, command, output_limit_bytes=100_000)
    async with asyncio.timeout(20):
        await running.ended.wait()
    return running.output, running.exit_status


async def test_android_14s_daemon_grants_windows_and_shell_packets(adb: AdbConnection) -> None:
    assert adb.features == {DELAYED_ACK, SHELL_V2}


async def test_a_command_has_output_and_exit_status(adb: AdbConnection) -> None:
    assert await run(adb, "echo out; echo err >&2; exit 7") == ("out\nerr\n", 7)


async def test_a_command_that_is_killed_leaves_nothing_on_the_phone(adb: AdbConnection) -> None:
    running = await Command.start(adb, "exec sleep 4242", output_limit_bytes=100)
    count = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 424[2]'"
    assert (await run(adb, count))[0] == "1\n"
    running.kill()
    assert running.ended.is_set()
    async with asyncio.timeout(5):
        while (await run(adb, count))[0] != "0\n":
            await asyncio.sleep(0.05)


async def test_only_the_latest_output_is_kept(adb: AdbConnection) -> None:
    running = await Command.start(adb, "seq 100000", output_limit_bytes=7)
    async with asyncio.timeout(20):
        await running.ended.wait()
    assert running.output == "100000\n"


async def test_a_pushed_file_arrives_whole(adb: AdbConnection) -> None:
    content = bytes(range(256)) * 1000
    await push(adb, "/data/local/tmp/pushed", content, mode=0o444)
    output, _ = await run(
        adb, "cd /data/local/tmp; stat -c '%a %s' pushed; cksum pushed; rm -f pushed"
    )
    assert output.startswith("444 256000\n")
    assert output.split()[2] == str(_posix_cksum(content))


async def test_a_file_that_the_phone_cannot_write_is_refused_in_its_words(
    adb: AdbConnection,
) -> None:
    with pytest.raises(
        AdbSyncFailed, match=r"did not take /proc/x/y: .*(directory|denied|permitted)"
    ):
        await push(adb, "/proc/x/y", b"x", mode=0o644)


@pytest.mark.parametrize("service", ["localabstract:nobody-listens", "no-such-service:"])
async def test_a_service_that_is_not_there_is_refused(adb: AdbConnection, service: str) -> None:
    with pytest.raises(AdbServiceRefused):
        await adb.open(service, ByteReader(limit_bytes=1))
    assert not adb._streams


async def test_many_streams_share_one_connection(adb: AdbConnection) -> None:
    outputs = await asyncio.gather(*(run(adb, f"seq {count}") for count in range(1, 21)))
    assert [len(output.split()) for output, _ in outputs] == list(range(1, 21))
    assert not adb._streams


async def test_megabytes_pass_in_both_directions_through_the_windows(adb: AdbConnection) -> None:
    # 24 MB: several windows of ours.
    reader = ByteReader(limit_bytes=32 << 20)
    stream = await adb.open("exec:cat", reader)
    data = bytes(1000) + b"\n" * 24_000
    for _ in range(1000):
        stream.write(data)
    async with asyncio.timeout(60):
        for _ in range(1000):
            assert await reader.read_exactly(len(data)) == data
    stream.close()


async def test_an_answer_without_end_is_cut_off(adb: AdbConnection) -> None:
    reader = ByteReader(limit_bytes=1000)
    stream = await adb.open("exec:cat /dev/zero", reader)
    with pytest.raises(AdbProtocolViolation, match="answer is longer than 1000 bytes"):
        await reader.read_exactly(2000)
    stream.close()


async def test_the_end_of_a_stream_is_told_after_its_data(adb: AdbConnection) -> None:
    reader = ByteReader(limit_bytes=1000)
    await adb.open("exec:echo hello", reader)
    assert await reader.read_exactly(6) == b"hello\n"
    with pytest.raises(AdbStreamClosed):
        await reader.read_exactly(1)


async def test_opening_may_be_given_up(adb: AdbConnection) -> None:
    opening = asyncio.create_task(adb.open("exec:cat", ByteReader(limit_bytes=10)))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not adb._streams
    assert await run(adb, "echo still here") == ("still here\n", 0)


async def test_a_quiet_phone_is_not_a_dead_one(adb: AdbConnection) -> None:
    await asyncio.sleep(SILENCE_BEFORE_PROBE_S + PROBE_TIMEOUT_S + 1)
    assert not adb.ended.done()
    assert await run(adb, "echo still here") == ("still here\n", 0)


async def test_a_frozen_link_is_noticed(phone: PhoneHandle) -> None:
    async with Relay(phone.host, phone.port) as relay:
        adb = await AdbConnection.connect("127.0.0.1", relay.port, key=None, timeout_s=10)
        reader = ByteReader(limit_bytes=10)
        await adb.open("exec:cat", reader)
        relay.freeze()
        started_s = time.monotonic()
        with pytest.raises(AdbConnectionLost, match="has not answered for"):
            await reader.read_exactly(1)
        assert time.monotonic() - started_s < SILENCE_BEFORE_PROBE_S + PROBE_TIMEOUT_S + 2
        with pytest.raises(AdbConnectionLost):
            await adb.open("exec:cat", reader)


async def test_a_cut_link_is_noticed_at_once(phone: PhoneHandle) -> None:
    async with Relay(phone.host, phone.port) as relay:
        adb = await AdbConnection.connect("127.0.0.1", relay.port, key=None, timeout_s=10)
        relay.cut()
        async with asyncio.timeout(1):
            assert isinstance(await adb.ended, AdbConnectionLost)


async def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(AdbUnreachable, match=f"127.0.0.1:{port} cannot be reached"):
        await AdbConnection.connect("127.0.0.1", port, key=None, timeout_s=5)


class Daemon(asyncio.Protocol):
    """An ADB daemon as phones outside of data centers have it: it asks who is there."""

    TOKEN = bytes(range(20))

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._parser = MessageParser()
        self._key: rsa.RSAPublicKey | None = None
        self.heard: list[Message] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for message in self._parser.feed(data):
            self.heard.append(message)
            if self._answers:
                self._transport.write(self._answers.pop(0))


def token() -> bytes:
    message = Message(command=Verb.AUTH, arg0=1, arg1=0, payload=Daemon.TOKEN)
    return to_bytes(message, with_checksum=True)


def welcome() -> bytes:
    message = Message(
        command=Verb.CNXN, arg0=0x0100_0000, arg1=4096, payload=b"device::features=shell_v2\0"
    )
    return to_bytes(message, with_checksum=True)


async def meet(daemon: Daemon, key: AdbKey | None, timeout_s: float = 5) -> AdbConnection:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: daemon, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        return await AdbConnection.connect("127.0.0.1", port, key=key, timeout_s=timeout_s)
    finally:
        server.close()


async def test_a_phone_that_knows_our_key_lets_us_in() -> None:
    key = AdbKey.generate()
    daemon = Daemon(token(), welcome())
    adb = await meet(daemon, key)
    encoded = base64.b64decode(key.to_public("x").split(b" ")[0])
    modulus = int.from_bytes(encoded[8:264], "little")
    public = rsa.RSAPublicNumbers(65_537, modulus).public_key()
    signature = daemon.heard[1].payload
    public.verify(signature, Daemon.TOKEN, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))
    await adb.close()


async def test_a_phone_whose_owner_does_not_confirm_is_unauthorized() -> None:
    key = AdbKey.generate()
    daemon = Daemon(token(), token())
    with pytest.raises(AdbUnauthorized, match="waits for its owner to confirm our ADB key"):
        await meet(daemon, key, timeout_s=0.3)
    assert daemon.heard[2].payload == key.to_public("cloudphone-streamer")


TLS = to_bytes(Message(command=Verb.STLS, arg0=0x0100_0000, arg1=0), with_checksum=True)


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        pytest.param(token(), AdbUnauthorized, "none is configured", id="asks for a key"),
        pytest.param(TLS, AdbTlsRequired, "wireless debugging", id="asks for TLS"),
        pytest.param(
            b"HTTP/1.1 400 Bad Request\r\n\r\n", AdbProtocolViolation, "no ADB daemon", id="web"
        ),
        pytest.param(b"", AdbUnreachable, "did not answer within 0.3 s", id="says nothing"),
    ],
)
async def test_what_is_no_open_daemon_is_told_with_a_remedy(
    answer: bytes, kind: type[AdbError], text: str
) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        await meet(Daemon(answer), None, timeout_s=0.3)


class TalkativeDaemon(Daemon):
    """Opens a stream and writes to it without end, and reads nothing from then on."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.heard[-1].command is Verb.OPEN:
            self._transport.pause_reading()
            self._say(Verb.OKAY)
            self.resume_writing()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        while self._may_write:
            self._say(Verb.WRTE, times=1000)

    def _say(self, verb: Verb, *, times: int = 1) -> None:
        message = Message(command=verb, arg0=7, arg1=self.heard[-1].arg0)
        self._transport.write(to_bytes(message, with_checksum=True) * times)


async def test_a_phone_that_sends_and_never_reads_does_not_fill_our_memory() -> None:
    adb = await meet(TalkativeDaemon(welcome()), None)
    await adb.open("exec:cat", ByteReader(limit_bytes=1))
    waiting = []
    async with asyncio.timeout(30):
        while not adb.ended.done():
            waiting.append(adb._transport.get_write_buffer_size() if adb._transport else 0)
            await asyncio.sleep(0.01)
    assert "has not answered" in str(adb.ended.result())
    assert 1_000_000 < max(waiting) < 2_000_000


@pytest.mark.parametrize("stream_ids", [(0,), (7, 8)], ids=["zero", "changed"])
async def test_a_stream_without_a_lasting_id_is_a_violation(stream_ids: tuple[int, ...]) -> None:
    okays = b"".join(
        to_bytes(Message(command=Verb.OKAY, arg0=number, arg1=1), with_checksum=True)
        for number in stream_ids
    )
    adb = await meet(Daemon(welcome(), okays), None)
    with contextlib.suppress(AdbProtocolViolation):
        await adb.open("exec:cat", ByteReader(limit_bytes=1))
    async with asyncio.timeout(5):
        error = await adb.ended
    assert isinstance(error, AdbProtocolViolation)
    assert "OKAY is of stream" in str(error)


def _posix_cksum(data: bytes) -> int:
    """The CRC of `cksum`, bit by bit; see POSIX.1-2024, cksum."""
    length = len(data)
    tail = length.to_bytes((length.bit_length() + 7) // 8, "little")
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C1_1DB7) & 0xFFFF_FFFF if crc & 1 << 31 else crc << 1
        table.append(crc & 0xFFFF_FFFF)
    crc = 0
    for byte in data + tail:
        crc = (crc << 8 & 0xFFFF_FFFF) ^ table[crc >> 24 ^ byte]
    return crc ^ 0xFFFF_FFFF
