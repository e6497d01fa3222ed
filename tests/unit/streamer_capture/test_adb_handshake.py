"""How a connection to an ADB daemon begins."""

import base64
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from cloudphone_streamer.adb.errors import (
    AdbKeyInvalid,
    AdbProtocolViolation,
    AdbTlsRequired,
    AdbUnauthorized,
)
from cloudphone_streamer.adb.handshake import DELAYED_ACK, SHELL_V2, Handshake, Peer
from cloudphone_streamer.adb.keys import AdbKey
from cloudphone_streamer.adb.wire import AuthType, Command, Message

TOKEN = bytes(range(20))
BANNER = b"device::ro.product.name=redroid;ro.product.model=x;features=shell_v2,cmd,delayed_ack"


@pytest.fixture(scope="module")
def key() -> AdbKey:
    return AdbKey.generate()


def auth(payload: bytes = TOKEN, kind: AuthType = AuthType.TOKEN) -> Message:
    return Message(command=Command.AUTH, arg0=kind, arg1=0, payload=payload)


def cnxn(version: int = 0x0100_0001, max_payload: int = 1 << 20, banner: bytes = BANNER) -> Message:
    return Message(command=Command.CNXN, arg0=version, arg1=max_payload, payload=banner)


def test_the_client_speaks_first_and_names_what_it_can_do() -> None:
    assert Handshake(None).start() == Message(
        command=Command.CNXN,
        arg0=0x0100_0001,
        arg1=1 << 20,
        payload=b"host::features=shell_v2,delayed_ack",
    )


def test_a_phone_that_trusts_everybody_is_connected_at_once() -> None:
    assert Handshake(None).receive(cnxn()) == Peer(
        with_checksum=False,
        max_payload_bytes=1 << 20,
        features=frozenset({SHELL_V2, DELAYED_ACK}),
    )


@pytest.mark.parametrize(
    ("message", "peer"),
    [
        pytest.param(
            cnxn(version=0x0100_0000, max_payload=4096, banner=b"device::\0"),
            Peer(with_checksum=True, max_payload_bytes=4096, features=frozenset()),
            id="a daemon of Android 5: checksums, small payloads, no features",
        ),
        pytest.param(
            cnxn(max_payload=1 << 30, banner=b"device::features=shell_v2,telepathy"),
            Peer(with_checksum=False, max_payload_bytes=1 << 20, features=frozenset({SHELL_V2})),
            id="a daemon of the future: its limits and features are cut to ours",
        ),
    ],
)
def test_limits_and_features_are_what_both_sides_can_do(message: Message, peer: Peer) -> None:
    assert Handshake(None).receive(message) == peer


def test_a_token_is_signed_and_a_second_one_is_answered_by_the_public_key(key: AdbKey) -> None:
    handshake = Handshake(key)
    signature = handshake.receive(auth())
    assert isinstance(signature, Message)
    assert (signature.command, signature.arg0) == (Command.AUTH, AuthType.SIGNATURE)
    offer = handshake.receive(auth(bytes(20)))
    assert isinstance(offer, Message)
    assert (offer.command, offer.arg0) == (Command.AUTH, AuthType.RSA_PUBLIC_KEY)
    assert handshake.waits_for_owner
    assert isinstance(handshake.receive(cnxn()), Peer)


def test_the_public_key_is_what_android_verifies_with(key: AdbKey) -> None:
    # Decoded as android_pubkey_decode does, then verified as adbd_auth_verify does.
    encoded, name = key.to_public("me").split(b" ")
    assert name == b"me\0"
    structure = base64.b64decode(encoded)
    assert len(structure) == 4 + 4 + 256 + 256 + 4
    words, n0_inverse = struct.unpack_from("<II", structure)
    modulus = int.from_bytes(structure[8:264], "little")
    r_squared = int.from_bytes(structure[264:520], "little")
    (exponent,) = struct.unpack_from("<I", structure, 520)
    assert words == 64
    assert (n0_inverse * modulus) % (1 << 32) == (1 << 32) - 1
    assert r_squared == pow(2, 4096, modulus)
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(key.sign(TOKEN), TOKEN, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))


def test_a_phone_that_goes_on_asking_has_refused(key: AdbKey) -> None:
    handshake = Handshake(key)
    handshake.receive(auth())
    handshake.receive(auth())
    with pytest.raises(AdbUnauthorized, match=rf"refuses the ADB key {key.fingerprint()}"):
        handshake.receive(auth())


def test_without_a_key_a_phone_that_asks_for_one_is_unauthorized() -> None:
    with pytest.raises(AdbUnauthorized, match="asks for an ADB key and none is configured"):
        Handshake(None).receive(auth())


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        pytest.param(
            Message(command=Command.STLS, arg0=0x0100_0000, arg1=0),
            AdbTlsRequired,
            "adb tcpip 5555",
            id="wireless debugging",
        ),
        pytest.param(
            Message(command=Command.WRTE, arg0=1, arg1=1),
            AdbProtocolViolation,
            "is WRTE; expected CNXN, AUTH or STLS",
            id="data before the handshake",
        ),
        pytest.param(auth(b"short"), AdbProtocolViolation, "with 5 bytes", id="a short token"),
        pytest.param(
            auth(kind=AuthType.SIGNATURE), AdbProtocolViolation, "of type 2", id="a signature"
        ),
        pytest.param(
            cnxn(version=1), AdbProtocolViolation, "ADB version is 0x00000001", id="no version"
        ),
        pytest.param(cnxn(max_payload=10), AdbProtocolViolation, "ADB maxdata is 10", id="no room"),
    ],
)
def test_other_beginnings_are_refused_with_a_remedy(
    key: AdbKey, message: Message, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as error:
        Handshake(key).receive(message)
    assert text in str(error.value)


def test_a_key_file_round_trips_and_its_text_form_keeps_the_secret(
    key: AdbKey, tmp_path: Path
) -> None:
    path = tmp_path / "adbkey"
    path.write_bytes(key.to_pem())
    loaded = AdbKey.load(path)
    assert loaded.sign(TOKEN) == key.sign(TOKEN)
    assert repr(loaded) == f"AdbKey({key.fingerprint()})"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(None, "cannot be read: No such file", id="no file"),
        pytest.param(b"ssh-rsa AAAA", "is no private key in PEM", id="a public key"),
        pytest.param(
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            "is no RSA key of 2048 bits",
            id="an elliptic curve",
        ),
    ],
)
def test_a_key_file_that_does_not_fit_is_refused(
    tmp_path: Path, content: bytes | None, text: str
) -> None:
    path = tmp_path / "adbkey"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AdbKeyInvalid) as error:
        AdbKey.load(path)
    assert text in str(error.value)
