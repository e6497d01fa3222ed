"""What phones send: ADB, scrcpy's sockets, H.264. A phone may be hostile (CVE-2025-34449)."""

import asyncio
import contextlib

from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.errors import AdbConnectionLost, AdbError, AdbProtocolViolation
from cloudphone_streamer.adb.shell import Command, PacketParser
from cloudphone_streamer.adb.wire import MessageParser, to_bytes
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.bitstream.assembler import AccessUnitAssembler
from cloudphone_streamer.bitstream.errors import BitstreamError
from cloudphone_streamer.bitstream.nal import MAX_NALS, split_annex_b
from cloudphone_streamer.bitstream.sps import MAX_SIDE_PX, parse_sps
from cloudphone_streamer.capture.errors import CaptureFailure
from cloudphone_streamer.capture.scrcpy.video import MAX_PACKET_BYTES, VideoDemuxer
from cloudphone_streamer.rtp.fanout import MAX_PAYLOAD_BYTES
from cloudphone_streamer.rtp.h264 import packetize
from tests.fuzz.loop import call_in_loop


def nal(data: bytes) -> None:
    """An Annex B byte stream: nothing of a NAL unit is lost or invented."""
    with contextlib.suppress(BitstreamError):
        nals = split_annex_b(data)
        assert len(nals) <= MAX_NALS
        assert sum(map(len, nals)) <= len(data)
        assert all(nals)
        assert split_annex_b(b"".join(b"\0\0\0\1" + unit for unit in nals) or b"\0\0\1") == nals


def sps(data: bytes) -> None:
    """A sequence parameter set."""
    with contextlib.suppress(BitstreamError):
        parameters = parse_sps(data)
        assert 0 < parameters.width_px <= MAX_SIDE_PX
        assert 0 < parameters.height_px <= MAX_SIDE_PX


def access_units(data: bytes) -> None:
    """Packets of an encoder, as pictures and as RTP payloads, which give the same NAL units."""
    assembler = AccessUnitAssembler()
    latest_us = -1
    for packet in data.split(b"PACKET"):
        try:
            unit = assembler.feed(packet, pts_us=len(packet))
        except BitstreamError:
            continue
        if unit is not None:
            assert unit.pts_us > latest_us
            latest_us = unit.pts_us
            _check_payloads(unit)


def scrcpy_video(data: bytes) -> None:
    """The video socket, whole and byte by byte: one result, and a bound to what is held."""

    def packets(size: int) -> tuple[list[tuple[bytes, int]], bool]:
        demuxer = VideoDemuxer()
        found: list[tuple[bytes, int]] = []
        try:
            for start in range(0, len(data), size):
                found += [
                    (packet.data, packet.pts_us)
                    for packet in demuxer.feed(data[start : start + size])
                ]
        except CaptureFailure:
            return found, True
        assert len(demuxer._buffer) <= MAX_PACKET_BYTES + 12
        return found, False

    whole, whole_failed = packets(len(data) or 1)
    parts, parts_failed = packets(7)
    assert whole_failed == parts_failed
    # What came before a violation may already have been handed on.
    assert parts == whole or (whole_failed and parts[: len(whole)] == whole)


def adb_wire(data: bytes) -> None:
    """ADB messages."""
    with contextlib.suppress(AdbProtocolViolation):
        for message in MessageParser().feed(data):
            again = MessageParser().feed(to_bytes(message, with_checksum=True))
            assert again == [message]


def adb_shell(data: bytes) -> None:
    """Packets of the shell service, and the command that reads them."""
    with contextlib.suppress(AdbProtocolViolation):
        PacketParser().feed(data)

    def run() -> None:
        command = Command(output_limit_bytes=64)
        command.on_data(data)
        assert len(command._output) <= 64
        assert len(command.output) <= 64
        command.on_closed(AdbConnectionLost("end"))
        assert command.ended.is_set()

    call_in_loop(run)


class _Socket(asyncio.Transport):
    """A TCP connection to nowhere."""

    def __init__(self, protocol: AdbConnection) -> None:
        super().__init__()
        self._protocol = protocol
        self._is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._is_closed

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self._is_closed

    def abort(self) -> None:
        self._is_closed = True


class _Receiver:
    def on_data(self, data: bytes) -> None: ...

    def on_closed(self, error: AdbError) -> None: ...


def adb_connection(data: bytes) -> None:
    """A daemon, from its first byte: the handshake, then two streams of ours."""

    def run() -> None:
        connection = AdbConnection(None)
        connection.connection_made(_Socket(connection))
        parts = data.split(b"CHUNK")
        connection.data_received(parts[0])
        with contextlib.suppress(AdbError):
            if connection._peer is not None:
                stream = connection._request("shell,v2,raw:true", _Receiver())
                other = connection._request("localabstract:x", _Receiver())
                for future in (stream.opened, other.opened):
                    future.add_done_callback(lambda done: done.exception())
                stream.write(b"x" * 10_000)
        for part in parts[1:]:
            if not connection.ended.done():
                connection.data_received(part)
        connection.connection_lost(None)
        assert connection.ended.done()
        assert not connection._streams

    call_in_loop(run)


def _check_payloads(unit: AccessUnit) -> None:
    payloads = packetize(unit.nals, MAX_PAYLOAD_BYTES)
    assert all(0 < len(payload) <= MAX_PAYLOAD_BYTES for payload in payloads)
    nals: list[bytes] = []
    fragments = bytearray()
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == 24:  # STAP-A
            position = 1
            while position < len(payload):
                size = int.from_bytes(payload[position : position + 2], "big")
                nals.append(payload[position + 2 : position + 2 + size])
                position += 2 + size
        elif kind == 28:  # FU-A
            if payload[1] & 0x80:
                fragments = bytearray([payload[0] & 0xE0 | payload[1] & 0x1F])
            fragments += payload[2:]
            if payload[1] & 0x40:
                nals.append(bytes(fragments))
        else:
            nals.append(payload)
    assert nals == list(unit.nals)
