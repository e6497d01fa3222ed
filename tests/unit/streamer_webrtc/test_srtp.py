"""Protection in place against pylibsrtp's own, which copies."""

import os

import pylibsrtp
import pytest
from pylibsrtp import Policy, Session

from cloudphone_streamer.webrtc.srtp import PacketBuffer, SrtpError, SrtpSession

RTP = bytes.fromhex("80660001000000000000abcd") + b"payload"
RTCP = bytes.fromhex("80c90001000000aa")
PROFILES = [
    pytest.param(Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28, 16, id="AES-128-GCM"),
    pytest.param(Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44, 16, id="AES-256-GCM"),
    pytest.param(Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30, 10, id="AES-128-CM with SHA-1"),
]


def session(key: bytes, profile: int, direction: int) -> Session:
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=profile))


def pair(profile: int, key_bytes: int, tag_bytes: int) -> tuple[SrtpSession, PacketBuffer, Session]:
    key = os.urandom(key_bytes)
    buffer = PacketBuffer()
    srtp = SrtpSession(
        outbound=session(key, profile, Policy.SSRC_ANY_OUTBOUND),
        inbound=session(key, profile, Policy.SSRC_ANY_INBOUND),
        tag_bytes=tag_bytes,
        buffer=buffer,
    )
    return srtp, buffer, session(key, profile, Policy.SSRC_ANY_INBOUND)


@pytest.mark.parametrize(("profile", "key_bytes", "tag_bytes"), PROFILES)
def test_packets_protected_where_they_lie_prove_genuine(
    profile: int, key_bytes: int, tag_bytes: int
) -> None:
    srtp, buffer, peer = pair(profile, key_bytes, tag_bytes)
    second = RTP[:3] + b"\x02" + RTP[4:-3]
    stride = len(RTP) + tag_bytes
    for position, packet in enumerate((RTP, second)):
        buffer.view[position * stride : position * stride + len(packet)] = packet
    srtp.protect(2, len(RTP), len(second))
    assert bytes(buffer.view[2 * stride - 3 : 2 * stride + 8]) == bytes(11)
    assert peer.unprotect(bytes(buffer.view[:stride])) == RTP
    assert peer.unprotect(bytes(buffer.view[stride : 2 * stride - 3])) == second


@pytest.mark.parametrize(("profile", "key_bytes", "tag_bytes"), PROFILES)
def test_control_packets_are_proved_genuine_and_new(
    profile: int, key_bytes: int, tag_bytes: int
) -> None:
    srtp, _, _ = pair(profile, key_bytes, tag_bytes)
    protected = srtp.protect_control(RTCP)
    assert srtp.unprotect_control(protected) == RTCP
    with pytest.raises(SrtpError, match="replay"):
        srtp.unprotect_control(protected)
    with pytest.raises(SrtpError):
        srtp.unprotect_control(protected[:-1] + bytes([protected[-1] ^ 1]))


@pytest.mark.parametrize("packet", [b"", b"\x80", RTCP, bytes(1500)])
def test_a_control_packet_of_any_size_is_refused_by_one_exception(packet: bytes) -> None:
    srtp, _, _ = pair(Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28, 16)
    with pytest.raises(SrtpError):
        srtp.unprotect_control(packet)


def test_what_libsrtp_refuses_is_an_error() -> None:
    srtp, buffer, _ = pair(Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28, 16)
    buffer.view[:4] = b"\x00" * 4
    with pytest.raises(SrtpError, match="status"):
        srtp.protect(1, 4, 4)


def test_the_binding_that_is_relied_upon_is_the_pinned_one() -> None:
    assert pylibsrtp.__version__.startswith("1.0.")
