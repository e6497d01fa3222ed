"""
A viewer that is only ICE and DTLS: it costs a hundredth of a peer connection.

For tests with hundreds of viewers, and for those that need each packet in their hands.
"""

import asyncio
import socket
from typing import Self

import pylibsrtp
from aioice import stun
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate
from OpenSSL import SSL

from cloudphone_streamer.webrtc.connection import ViewerConnection
from cloudphone_streamer.webrtc.server import AcceptedViewer, MediaServer
from tests.integration.webrtc.conftest import own_address
from tests.integration.webrtc.viewer import Handler
from tests.unit.streamer_webrtc.offers import CHROMIUM, FINGERPRINT

USER_FRAGMENT = "Uf/r"
"""As the offer has it."""

_DATAGRAM_BYTES = 2048
_REPEAT_S = 0.5
_SRTP_LABEL = b"EXTRACTOR-dtls_srtp"
_CERTIFICATE = RTCCertificate.generateCertificate()
_CONTEXT = _CERTIFICATE._create_ssl_context(SRTP_PROFILES)


def offer() -> str:
    """Chromium's offer with this viewer's certificate; it names an address inside a cluster."""
    fingerprint = next(f for f in _CERTIFICATE.getFingerprints() if f.algorithm == "sha-256")
    return CHROMIUM.replace(FINGERPRINT, fingerprint.value)


class LightViewer:
    def __init__(self, server: MediaServer) -> None:
        self.server = server
        self.handler = Handler()
        self.accepted: AcceptedViewer | None = None
        self.ssrc = 0
        self.rtx_ssrc = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((own_address(), server.port))
        self._tls = SSL.Connection(_CONTEXT)
        self._tls.set_connect_state()
        self._user_fragment = ""
        self._password = ""

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    @property
    def connection(self) -> ViewerConnection:
        """The server's side."""
        assert self.accepted is not None
        return self.server._connections[self.accepted.viewer_id]

    async def connect(self) -> None:
        await self.offer()
        answer = await self.check()
        assert answer.message_class == stun.Class.RESPONSE
        await self.handshake()
        await asyncio.wait_for(self.handler.connected.wait(), 5)

    async def offer(self) -> None:
        self.accepted = await self.server.accept(offer(), self.handler)
        lines = self.accepted.answer_sdp.splitlines()
        self._user_fragment = _value(lines, "a=ice-ufrag:")
        self._password = _value(lines, "a=ice-pwd:")
        self.ssrc, self.rtx_ssrc = map(int, _value(lines, "a=ssrc-group:FID ").split())

    async def check(self, *, password: str | None = None) -> stun.Message:
        """Prove the address and nominate it; returns the answer."""
        request = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._user_fragment}:{USER_FRAGMENT}",
                "PRIORITY": 1,
                "ICE-CONTROLLING": 1,
                "USE-CANDIDATE": None,
            },
        )
        request.add_message_integrity((password or self._password).encode())
        self.socket.send(bytes(request))
        return stun.parse_message(await self.receive())

    def hello(self) -> bytes:
        """The first flight of the handshake."""
        self._step()
        return self._tls.bio_read(_DATAGRAM_BYTES)

    async def handshake(self) -> None:
        async with asyncio.timeout(5):
            while not self._step():
                self._flush()
                try:
                    datagram = await asyncio.wait_for(self.receive(), _REPEAT_S)
                except TimeoutError:
                    self._tls.DTLSv1_handle_timeout()
                    continue
                if 20 <= datagram[0] <= 63:
                    self._tls.bio_write(datagram)
            self._flush()

    def control_session(self) -> pylibsrtp.Session:
        """Protects RTP and RTCP as this viewer's own (RFC 5764 - 4.2)."""
        name = self._tls.get_selected_srtp_profile()
        profile = next(p for p in SRTP_PROFILES if p.openssl_profile == name)
        material = self._tls.export_keying_material(
            _SRTP_LABEL, 2 * (profile.key_length + profile.salt_length)
        )
        salt_from = 2 * profile.key_length
        key = material[: profile.key_length] + material[salt_from : salt_from + profile.salt_length]
        return pylibsrtp.Session(
            pylibsrtp.Policy(
                key=key,
                ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
                srtp_profile=profile.libsrtp_profile,
            )
        )

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.socket, _DATAGRAM_BYTES)

    def leave(self) -> None:
        """Say goodbye and be gone."""
        try:
            self._tls.shutdown()
            self._flush()
        except SSL.Error:
            pass  # The handshake had not begun.
        self.socket.close()

    def _step(self) -> bool:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def _flush(self) -> None:
        while True:
            try:
                self.socket.send(self._tls.bio_read(1400))
            except SSL.WantReadError:
                return


def _value(lines: list[str], prefix: str) -> str:
    return next(line.removeprefix(prefix) for line in lines if line.startswith(prefix))
