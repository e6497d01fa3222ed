"""
What viewers send: SDP, STUN, DTLS, RTCP, SCTP, messages.

Where a peer proves itself first (STUN's integrity, SCTP's checksum), the input is signed here:
a hostile viewer can do that too.
"""

import asyncio
import contextlib
import struct
import time
from functools import cache

from aioice import stun as aioice_stun
from aiortc.rtcsctptransport import RTCSctpTransport
from aiortc.sdp import SessionDescription
from google_crc32c import value as crc32c

from cloudphone_protocol.channel import (
    MAX_MESSAGE_BYTES,
    Key,
    Rotate,
    Scroll,
    Text,
    Touch,
    parse_from_viewer,
)
from cloudphone_protocol.errors import InvalidMessage
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.control import messages
from cloudphone_streamer.control.pointers import PointerTracker
from cloudphone_streamer.rtp.errors import MalformedRtcp
from cloudphone_streamer.rtp.fanout import VideoFanout
from cloudphone_streamer.rtp.packet import ExtensionIds
from cloudphone_streamer.rtp.rtcp import parse_feedback
from cloudphone_streamer.rtp.sender import VideoParameters
from cloudphone_streamer.rtp.transport_cc import parse_transport_feedback
from cloudphone_streamer.viewers.held_keys import HeldKeys
from cloudphone_streamer.webrtc.dtls import DtlsServer, HandshakeFailed
from cloudphone_streamer.webrtc.errors import MalformedFragment, MalformedOffer, NoCommonCodec
from cloudphone_streamer.webrtc.framing import MAX_FRAME_BYTES, FrameReader, FrameTooLong
from cloudphone_streamer.webrtc.ice_lite import Credentials, IceLite
from cloudphone_streamer.webrtc.mux import Address
from cloudphone_streamer.webrtc.sctp import DataChannels
from cloudphone_streamer.webrtc.sctp_guard import MalformedSctp, check_sctp_packet
from cloudphone_streamer.webrtc.server import MediaServer
from cloudphone_streamer.webrtc.stun import (
    BindingRequest,
    MalformedStun,
    local_user_fragment,
    parse_binding_request,
)
from cloudphone_streamer.webrtc.udp_socket import UdpPath, UdpSocket
from tests.fuzz.loop import call_in_loop, in_loop
from tests.unit.streamer_webrtc.offers import CHROMIUM

LOCAL = Credentials(user_fragment="local", password="p" * 24)
REMOTE = Credentials(user_fragment="remote", password="q" * 24)
USERNAME = "local:remote"
VIDEO = VideoParameters(
    mid="0",
    payload_type=96,
    rtx_payload_type=97,
    extensions=ExtensionIds(mid=1, transport_sequence=2),
    ssrc=0x1000,
    rtx_ssrc=0x2000,
    cname="fuzz",
)
SOURCE = ("192.0.2.1", 4000)


class Nowhere(UdpSocket):
    """A socket without a network."""

    def __init__(self) -> None:
        """Open nothing."""

    def send(self, datagram: bytes | memoryview, address: Address) -> bool:
        return True

    def send_segments(self, datagrams: memoryview, segment_bytes: int, address: Address) -> int:
        return len(datagrams)


class Nobody:
    """A viewer handler that does nothing."""

    def on_connected(self) -> None: ...

    def on_channel_open(self, send: object) -> None: ...

    def on_message(self, channel: str, data: str | bytes) -> None:
        assert len(data) <= MAX_MESSAGE_BYTES

    def on_control_open(self, send: object) -> None: ...

    def on_data_failed(self, reason: str) -> None: ...

    def on_closed(self, reason: str) -> None: ...


class Discard:
    """A packet transport that takes everything."""

    trailer_bytes = 16

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(65_536))

    def send_packets(self, count: int, packet_bytes: int, last_packet_bytes: int) -> int:
        assert 0 < last_packet_bytes <= packet_bytes
        assert count * (packet_bytes + self.trailer_bytes) <= len(self.buffer)
        return count

    def send_control(self, packet: bytes) -> None:
        assert packet


@cache
def _server() -> MediaServer:
    return MediaServer(
        addresses=["192.0.2.9"],
        port_min=1,
        port_max=1,
        fanout=VideoFanout(request_key_frame=lambda: None),
    )


def offer(data: bytes) -> None:
    """An offer, answered: the answer is a description that its client can read."""
    text = data.decode("utf-8", "replace")

    async def run() -> None:
        server = _server()
        try:
            accepted = await server.accept(text, Nobody())
        except (MalformedOffer, NoCommonCodec):
            return
        answer = SessionDescription.parse(accepted.answer_sdp)
        offered = [line for line in text.splitlines() if line.startswith("m=")]
        assert len(answer.media) == len(offered)
        assert accepted.answer_sdp.count("a=fingerprint:") <= len(offered)
        await server.close_viewer(accepted.viewer_id, "Fuzz")
        assert not server.stats().viewers

    in_loop(run)


def trickle(data: bytes) -> None:
    """A trickle ICE fragment for a viewer that is there."""
    text = data.decode("utf-8", "replace")

    async def run() -> None:
        server = _server()
        accepted = await server.accept(CHROMIUM, Nobody())
        with contextlib.suppress(MalformedFragment):
            restarted = server.apply_fragment(accepted.viewer_id, text)
            if restarted is not None:
                assert restarted.etag != accepted.etag
        await server.close_viewer(accepted.viewer_id, "Fuzz")

    in_loop(run)


def stun(data: bytes) -> None:
    """A connectivity check, as it is and with a valid integrity."""
    local_user_fragment(data)
    with contextlib.suppress(MalformedStun):
        request = parse_binding_request(data, username=USERNAME, password=LOCAL.password)
        assert not isinstance(request, BindingRequest)
    try:
        message = aioice_stun.parse_message(data)
    except (ValueError, struct.error):
        return
    message.attributes["USERNAME"] = USERNAME
    try:
        message.add_message_integrity(LOCAL.password.encode())
        signed = bytes(message)
    except Exception:  # noqa: BLE001 - aioice cannot write back all that it reads
        return
    agent: IceLite[str] = IceLite(local=LOCAL, remote=REMOTE, now_s=0.0)
    agent.handle(signed, "path", SOURCE, 1.0)
    assert set(agent.paths) == {agent.selected} - {None}


def packets(data: bytes) -> None:
    """What comes to the media port by a path that is a viewer's, and by a stranger's."""

    async def run() -> None:
        server = _server()
        accepted = await server.accept(CHROMIUM, Nobody())
        (connection,) = server._connections.values()
        viewer = UdpPath(Nowhere(), ("192.0.2.1", 1))
        stranger = UdpPath(Nowhere(), ("192.0.2.2", 2))
        assert server.mux.validate(viewer, connection, time.monotonic())
        for packet in _parts(data):
            first = packet[0] if packet else 255
            for path in (viewer, stranger):
                if first <= 3:
                    server.mux.handle_stun(packet, path, time.monotonic())
                else:
                    taken = server.mux.handle_other(packet, first, path.key)
                    assert taken == (path is viewer)
        server.mux.release([viewer], connection)
        await server.close_viewer(accepted.viewer_id, "Fuzz")

    in_loop(run)


def framing(data: bytes) -> None:
    """A TCP stream, whole and in pieces: the same packets, or the same refusal."""

    def read(size: int) -> tuple[list[bytes], bool]:
        reader = FrameReader()
        found: list[bytes] = []
        try:
            for start in range(0, len(data), size):
                found.extend(reader.feed(data[start : start + size]))
        except FrameTooLong:
            return found, True
        assert len(reader._rest) < MAX_FRAME_BYTES + 2
        return found, False

    whole = read(len(data) or 1)
    assert read(5) == whole
    assert all(0 < len(packet) <= MAX_FRAME_BYTES for packet in whole[0])


def dtls(data: bytes) -> None:
    """Datagrams to a DTLS server, from its first."""

    async def run() -> None:
        server = _server()
        association = DtlsServer(
            certificate=server.certificate,
            fingerprints=(("sha-256", ":".join(["AB"] * 32)),),
            send=lambda datagram: None,
            on_closed=lambda: None,
        )
        handshake = asyncio.create_task(association.handshake(server.buffer))
        for datagram in _parts(data):
            if datagram and 20 <= datagram[0] <= 63:  # What the port takes for DTLS.
                association.handle_datagram(datagram)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        handshake.cancel()
        with contextlib.suppress(asyncio.CancelledError, HandshakeFailed):
            await handshake
        await association.close()

    in_loop(run)


def rtcp(data: bytes) -> None:
    """A compound packet that proved genuine, acted upon by the sender of a stream."""
    try:
        feedback = parse_feedback(data)
    except MalformedRtcp:
        return
    # 64 KiB of NACK name half a million packets at most; a datagram is far smaller.
    assert len(feedback.nacks) <= 17 * len(data) // 4

    def run() -> None:
        fanout = VideoFanout(request_key_frame=lambda: None)
        picture = AccessUnit(
            nals=(b"\x65" + bytes(5000),), pts_us=0, is_key=True, width_px=16, height_px=16
        )
        fanout.push(picture)
        sender = fanout.attach(Discard(), VIDEO)
        sender._next_sequence = 100
        sender.handle_feedback(feedback, time.monotonic())
        sender.send_report(time.monotonic())
        assert sender.stats.retransmitted_packets <= sender.stats.nacked_packets

    call_in_loop(run)


def transport_cc(data: bytes) -> None:
    """The body of transport-wide feedback."""
    with contextlib.suppress(MalformedRtcp):
        feedback = parse_transport_feedback(data)
        assert len(feedback.arrivals) == struct.unpack_from("!H", data, 2)[0]


def sctp_guard(data: bytes) -> None:
    """One SCTP packet, before the stack sees it."""
    with contextlib.suppress(MalformedSctp):
        check_sctp_packet(data)


class _Dtls:
    """A DTLS association that stands and sends nowhere."""

    state = "connected"
    _role = "server"

    def __init__(self) -> None:
        self.sent = 0

    def _register_data_receiver(self, receiver: object) -> None: ...

    def _unregister_data_receiver(self, receiver: object) -> None: ...

    async def _send_data(self, data: bytes) -> None:
        self.sent += 1


def sctp(data: bytes) -> None:
    """Packets to an association that stands, with the tag and checksum that it asks for."""

    async def run() -> None:
        link = _Dtls()
        channels = DataChannels(
            dtls=link,  # type: ignore[arg-type]
            local_port=5000,
            remote_port=5000,
            remote_max_message_bytes=65_536,
            events=Nobody(),
        )
        await channels.start()
        association = channels._sctp
        association._last_received_tsn = 0
        association._set_state(RTCSctpTransport.State.ESTABLISHED)
        for body in _parts(data):
            is_init = body[:1] == b"\x01"
            tag = 0 if is_init else association._local_verification_tag
            packet = struct.pack("!HHLL", 5000, 5000, tag, 0) + body
            packet = packet[:8] + struct.pack("<L", crc32c(packet)) + packet[12:]
            await channels._guard._handle_data(packet)
        # A packet may be answered by a few, never by a flood.
        assert link.sent <= 100 + 10 * len(data)
        await channels.close()

    in_loop(run)


def message(data: bytes) -> None:
    """A message on a data channel, down to the bytes for the phone."""
    try:
        event = parse_from_viewer(data)
    except InvalidMessage:
        return
    match event:
        case Touch():
            for touch in PointerTracker().apply("viewer", event):
                assert len(messages.encode_touch(touch)) == 32
        case Key():
            held = HeldKeys().apply(event)
            assert held is None or len(messages.encode_key(held)) == 14
        case Text():
            assert messages.encode_text(event)
        case Scroll():
            assert len(messages.encode_scroll(event)) == 21
        case Rotate():
            assert messages.encode_rotate()


def _parts(data: bytes) -> list[bytes]:
    """Cut an input into datagrams: each begins with its length, 16 bits."""
    parts = []
    while len(data) >= 2:
        size = int.from_bytes(data[:2], "big")
        parts.append(data[2 : 2 + size])
        data = data[2 + size :]
    return parts
