"""
DTLS of one viewer and the SRTP keys that it yields, by aiortc's RTCDtlsTransport.

The only module that knows aiortc's private names for this; the version is pinned, and a test goes
through each name. Only DTLS records pass through here: media goes past it.

See RFC 5763, RFC 5764 (DTLS-SRTP), RFC 8842 (roles in SDP).
"""

# ruff: noqa: SLF001 - the adapter of aiortc's private names

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from OpenSSL import SSL

from cloudphone_streamer.webrtc.srtp import PacketBuffer, SrtpSession

HANDSHAKE_TIMEOUT_S = 15.0

_PREFERRED_PROFILES = [
    profile
    for profile in (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80)
    if profile in SRTP_PROFILES
]
"""AES-GCM costs half of AES-CM with SHA-1, and 128 bits less than 256."""

_TAG_BYTES = {
    SRTP_AEAD_AES_128_GCM.openssl_profile: 16,
    SRTP_AEAD_AES_256_GCM.openssl_profile: 16,
    SRTP_AES128_CM_SHA1_80.openssl_profile: 10,
}

_MAX_QUEUED_DATAGRAMS = 256
"""A flight of a handshake is a few; a viewer that floods loses what does not fit."""


class DataReceiver(Protocol):
    """What takes the data of a DTLS association: aiortc's SCTP."""

    async def _handle_data(self, data: bytes) -> None: ...


class HandshakeFailed(Exception):
    """No association: wrong certificate, no common cipher, or silence."""


class ProcessCertificate(RTCCertificate):
    """One certificate for all viewers of the process, with one TLS context."""

    _context: Any = None

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> Any:
        # A context costs a millisecond to make and may serve any number of associations.
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
        return self._context


class _DatagramPipe:
    """Stands where aiortc expects an ICE transport."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_QUEUED_DATAGRAMS)
        self._send_datagram = send
        self._is_closed = False

    def put(self, datagram: bytes) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(datagram)

    def close(self) -> None:
        self._is_closed = True
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        datagram = None if self._is_closed else await self._queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        if self._is_closed:
            raise ConnectionError
        self._send_datagram(datagram)


class DtlsState(StrEnum):
    """As aiortc names them."""

    CONNECTED = "connected"
    CLOSED = "closed"
    FAILED = "failed"


class DtlsServer:
    """
    One association; we are the server (`a=setup:passive`), so the viewer begins.

    Args:
        certificate: Ours.
        fingerprints: (algorithm, value) pairs that the viewer's certificate has to match.
        send: Sends one datagram to the viewer.
        on_closed: Called once when an association that stood has ended.
    """

    def __init__(
        self,
        *,
        certificate: ProcessCertificate,
        fingerprints: tuple[tuple[str, str], ...],
        send: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._fingerprints = fingerprints
        self._on_closed = on_closed
        self._pipe = _DatagramPipe(send)
        self._dtls = RTCDtlsTransport(self._pipe, [certificate])  # type: ignore[arg-type]
        self._dtls._srtp_profiles = _PREFERRED_PROFILES
        self._dtls._set_role("server")

    def handle_datagram(self, datagram: bytes) -> None:
        """Take one DTLS datagram of the viewer."""
        self._pipe.put(datagram)

    async def handshake(self, buffer: PacketBuffer) -> SrtpSession:
        """
        Complete the handshake.

        Raises:
            HandshakeFailed: If the viewer's certificate is not the one its offer named, there is no
                common cipher, or it does not finish in HANDSHAKE_TIMEOUT_S.
        """
        parameters = RTCDtlsParameters(
            fingerprints=[
                RTCDtlsFingerprint(algorithm=algorithm, value=value)
                for algorithm, value in self._fingerprints
            ]
        )
        starting = asyncio.create_task(self._dtls.start(parameters), name="dtls-handshake")
        try:
            done, _ = await asyncio.wait([starting], timeout=HANDSHAKE_TIMEOUT_S)
        finally:
            if not starting.done():
                # A cancellation would be lost where it meets a datagram: aiortc reads by
                # `wait_for`, which swallows it up to Python 3.11. The pipe's end is not.
                self._pipe.close()
                await asyncio.wait([starting])
        if not done:
            raise HandshakeFailed(f"DTLS handshake did not finish in {HANDSHAKE_TIMEOUT_S:.0f} s")
        try:
            starting.result()
        except SSL.Error as error:
            raise HandshakeFailed(f"DTLS handshake failed: {error}") from None
        if self._dtls.state != DtlsState.CONNECTED:
            raise HandshakeFailed(
                "DTLS handshake failed: the certificate does not match the offer's fingerprint, "
                "or there is no common cipher or SRTP profile"
            )
        self._dtls.on("statechange", self._on_state)
        assert self._dtls._ssl is not None
        profile = self._dtls._ssl.get_selected_srtp_profile()
        return SrtpSession(
            outbound=self._dtls._tx_srtp,
            inbound=self._dtls._rx_srtp,
            tag_bytes=_TAG_BYTES[profile],
            buffer=buffer,
        )

    async def close(self) -> None:
        """Send close_notify and end the association."""
        task = self._dtls._task
        self._dtls.remove_all_listeners()
        await self._dtls.stop()
        self._pipe.close()
        if task is not None:
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()

    # What aiortc's SCTP asks of its transport.

    @property
    def state(self) -> str:
        """State of the association."""
        return self._dtls.state

    @property
    def _role(self) -> str:
        return "server"

    def _register_data_receiver(self, receiver: DataReceiver) -> None:
        self._dtls._register_data_receiver(receiver)

    def _unregister_data_receiver(self, receiver: DataReceiver) -> None:
        self._dtls._unregister_data_receiver(receiver)

    async def _send_data(self, data: bytes) -> None:
        await self._dtls._send_data(data)

    def _on_state(self) -> None:
        if self._dtls.state in {DtlsState.CLOSED, DtlsState.FAILED}:
            self._on_closed()


def fingerprint_of(certificate: RTCCertificate) -> str:
    """SDP value of a certificate's SHA-256 fingerprint (RFC 8122 - 5)."""
    value = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
    return f"{value.algorithm} {value.value}"
