"""
One TCP connection to the ADB daemon of a phone, shared by any number of streams.

The asyncio shell around `wire` and `handshake`, and the maker of streams (`stream`). What they
carry is not known here.
"""

import asyncio

from cloudphone_streamer.adb.errors import (
    AdbConnectionLost,
    AdbError,
    AdbProtocolViolation,
    AdbServiceRefused,
    AdbStreamClosed,
    AdbUnauthorized,
    AdbUnreachable,
)
from cloudphone_streamer.adb.handshake import Handshake, Peer
from cloudphone_streamer.adb.keys import AdbKey
from cloudphone_streamer.adb.stream import AdbStream, StreamReceiver
from cloudphone_streamer.adb.wire import Command, Message, MessageParser, to_bytes

SILENCE_BEFORE_PROBE_S = 2.0
"""A still screen sends nothing, so silence is no failure; after this long we ask."""

PROBE_TIMEOUT_S = 3.0
"""A daemon that has not answered for this long is gone."""

_MAX_UNSENT_BYTES = 1024 * 1024
"""
When so much waits for the phone we read no more of it.

Each message is acknowledged: a phone that sends and never reads would fill our memory. One that
stays like this is found by the probe.
"""

_PROBE_SERVICE = "cloudphone-probe:"
"""
A service that no daemon has.

It is refused at once, without a process and without a line in the phone's log: the cheapest
question there is.
"""

_CLOSE_TIMEOUT_S = 1.0


class AdbConnection(asyncio.Protocol):
    """
    A connection that is past its handshake; made by `connect`.

    `ended` becomes done with the reason when the connection is over, whoever ended it.
    """

    def __init__(self, key: AdbKey | None) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[AdbError] = loop.create_future()
        self._loop = loop
        self._parser = MessageParser()
        self._handshake = Handshake(key)
        self._ready: asyncio.Future[None] = loop.create_future()
        self._peer: Peer | None = None
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, AdbStream] = {}
        self._last_local_id = 0
        self._last_heard_s = loop.time()
        self._watch: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(
        cls, host: str, port: int, *, key: AdbKey | None, timeout_s: float
    ) -> "AdbConnection":
        """
        Connect to a phone and authenticate.

        Args:
            host: IP address.
            port: Usually 5555.
            key: Our key, for phones that ask for one.
            timeout_s: Limit of the whole.
        Raises:
            AdbUnreachable: If there is no connection, or no ADB daemon answers in time.
            AdbUnauthorized: If the phone does not accept the key.
            AdbTlsRequired: If the phone wants TLS.
            AdbProtocolViolation: If something else than an ADB daemon answers.
        """
        connection = cls(key)
        try:
            async with asyncio.timeout(timeout_s):
                await connection._loop.create_connection(lambda: connection, host, port)
                await connection._ready
        except TimeoutError:
            connection.abort(AdbConnectionLost("the handshake took too long"))
            if connection._handshake.waits_for_owner:
                raise AdbUnauthorized(
                    f"the phone at {host}:{port} waits for its owner to confirm our ADB key; "
                    "confirm it on the screen, or add it to /data/misc/adb/adb_keys"
                ) from None
            raise AdbUnreachable(
                f"the phone at {host}:{port} did not answer within {timeout_s:g} s; "
                "check that it runs and that its ADB port is open to the streamer"
            ) from None
        except OSError as error:
            raise AdbUnreachable(
                f"the phone at {host}:{port} cannot be reached: {error.strerror or error}; "
                "check that it runs with ADB over TCP (service.adb.tcp.port)"
            ) from None
        except AdbConnectionLost as error:
            raise AdbUnreachable(f"the phone at {host}:{port} hung up: {error}") from None
        except BaseException:
            connection.abort(AdbConnectionLost("connecting was given up"))
            raise
        return connection

    @property
    def features(self) -> frozenset[str]:
        """What both sides can do."""
        return self._peer.features if self._peer else frozenset()

    async def open(self, service: str, receiver: StreamReceiver) -> AdbStream:
        """
        Open a stream to a service of the phone.

        The receiver may be called before this returns.

        Args:
            service: For example `localabstract:NAME`, `sync:` or `shell,v2,raw:COMMAND`. Never
                with text from outside in it: a command goes to the phone's shell.
            receiver: Takes what the phone sends.
        Raises:
            AdbServiceRefused: If the phone does not open it.
            AdbConnectionLost: If the connection is over.
        """
        stream = self._request(service, receiver)
        try:
            await stream.opened
        except asyncio.CancelledError:
            stream.close()
            raise
        return stream

    async def close(self) -> None:
        """End the connection; open streams are closed by the phone as it goes."""
        if self._transport is None or self.ended.done():
            return
        self._transport.close()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self.abort(AdbConnectionLost("closed by the streamer"))

    def abort(self, error: AdbError) -> None:
        """End the connection at once; streams are told `error`."""
        self._end(error)
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is there: the client speaks first."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_MAX_UNSENT_BYTES)
        if self.ended.done():
            transport.abort()
            return
        self._send(self._handshake.start())

    def data_received(self, data: bytes) -> None:
        """Bytes of the daemon."""
        self._last_heard_s = self._loop.time()
        try:
            for message in self._parser.feed(data):
                self._receive(message)
        except AdbError as error:
            self.abort(error)

    def pause_writing(self) -> None:
        """The phone does not keep up with what it is sent."""
        assert self._transport is not None
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        assert self._transport is not None
        self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """TCP is gone."""
        self._end(AdbConnectionLost(f"the ADB connection has ended: {exc or 'closed'}"))

    def _send(self, message: Message) -> None:
        if self._transport is not None and not self._transport.is_closing():
            with_checksum = self._peer is None or self._peer.with_checksum
            self._transport.write(to_bytes(message, with_checksum=with_checksum))

    def _request(self, service: str, receiver: StreamReceiver) -> AdbStream:
        if self.ended.done():
            raise self.ended.result()
        assert self._peer is not None
        assert self._transport is not None
        self._last_local_id += 1
        stream = AdbStream(
            local_id=self._last_local_id,
            receiver=receiver,
            peer=self._peer,
            send=self._send,
            forget=self._forget,
            network_backlog=self._transport.get_write_buffer_size,
        )
        self._streams[self._last_local_id] = stream
        stream.request(service)
        return stream

    def _forget(self, local_id: int) -> None:
        self._streams.pop(local_id, None)

    def _receive(self, message: Message) -> None:
        if self._peer is None:
            answer = self._handshake.receive(message)
            if isinstance(answer, Message):
                self._send(answer)
                return
            self._peer = answer
            if not self._ready.done():
                self._ready.set_result(None)
            self._schedule_watch(SILENCE_BEFORE_PROBE_S)
            return
        stream = self._streams.get(message.arg1)
        match message.command:
            case Command.WRTE if stream is not None:
                stream.on_write(message.payload)
            case Command.OKAY if stream is not None:
                stream.on_okay(message.arg0, message.payload)
            case Command.OKAY:
                # Of a stream that we gave up while the phone opened it.
                self._send(Message(command=Command.CLSE, arg0=message.arg1, arg1=message.arg0))
            case Command.CLSE if stream is not None:
                del self._streams[message.arg1]
                stream.on_end(
                    AdbStreamClosed("the phone closed the stream")
                    if stream.opened.done()
                    else AdbServiceRefused("the phone refused to open the stream")
                )
            case Command.WRTE | Command.CLSE:
                pass  # For a stream that we closed while the message was under way.
            case _:
                raise AdbProtocolViolation(
                    f"message is {message.command.name}; expected OKAY, WRTE or CLSE"
                )

    def _end(self, error: AdbError) -> None:
        if self.ended.done():
            return
        self.ended.set_result(error)
        if self._watch is not None:
            self._watch.cancel()
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # Read, so that a connect() given up leaves no warning.
        streams = list(self._streams.values())
        self._streams.clear()
        for stream in streams:
            stream.on_end(error)

    # A dead link is found by asking, since a still screen and a pulled cable sound the same.

    def _schedule_watch(self, delay_s: float) -> None:
        self._watch = self._loop.call_later(delay_s, self._on_watch)

    def _on_watch(self) -> None:
        silence_s = self._loop.time() - self._last_heard_s
        if silence_s < SILENCE_BEFORE_PROBE_S:
            self._schedule_watch(SILENCE_BEFORE_PROBE_S - silence_s)
            return
        self._request(_PROBE_SERVICE, _Probe()).opened.add_done_callback(_forget_result)
        asked_s = self._loop.time()
        self._watch = self._loop.call_later(PROBE_TIMEOUT_S, self._on_probe_timeout, asked_s)

    def _on_probe_timeout(self, asked_s: float) -> None:
        if self._last_heard_s < asked_s:
            silence_s = self._loop.time() - self._last_heard_s
            self.abort(AdbConnectionLost(f"the phone has not answered for {silence_s:.1f} s"))
            return
        self._on_watch()


class _Probe:
    """Receiver of a stream that is meant to be refused."""

    def on_data(self, data: bytes) -> None:
        """Nothing is expected."""

    def on_closed(self, error: AdbError) -> None:
        """Nothing depends on it."""


def _forget_result(future: "asyncio.Future[None]") -> None:
    if not future.cancelled():
        future.exception()
