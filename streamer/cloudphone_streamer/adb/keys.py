"""
The RSA key that phones know us by.

A phone that asks for authentication sends a token; we sign it. A phone that does not know the key
yet is sent the public part and may show it to its owner.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cloudphone_streamer.adb.errors import AdbKeyInvalid

TOKEN_BYTES = 20
"""Length of the token that a phone wants signed."""

_KEY_BITS = 2048
_KEY_BYTES = _KEY_BITS // 8
_KEY_WORDS = _KEY_BYTES // 4


@dataclass(frozen=True, slots=True)
class AdbKey:
    """One key pair; its text form tells nothing of the private part."""

    _private: rsa.RSAPrivateKey

    @classmethod
    def generate(cls) -> Self:
        """A new key, for a phone that takes any or whose owner confirms it on the screen."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS))

    @classmethod
    def load(cls, path: Path) -> Self:
        """
        Read a key as `adb keygen` writes it: PEM, not encrypted.

        Raises:
            AdbKeyInvalid: If the file cannot be read or holds another kind of key.
        """
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise AdbKeyInvalid(f"ADB key {path} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise AdbKeyInvalid(
                f"ADB key {path} is no private key in PEM; expected a file from `adb keygen`"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != _KEY_BITS:
            raise AdbKeyInvalid(
                f"ADB key {path} is no RSA key of {_KEY_BITS} bits; "
                "expected a file from `adb keygen`"
            )
        return cls(key)

    def to_pem(self) -> bytes:
        """The private key as `load` reads it; a secret."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, token: bytes) -> bytes:
        """
        Signature of a phone's token.

        The token stands where a SHA-1 digest would: it is signed as it is, PKCS #1 v1.5.

        Args:
            token: `TOKEN_BYTES` bytes.
        """
        return self._private.sign(
            token,
            padding.PKCS1v15(),
            utils.Prehashed(hashes.SHA1()),  # noqa: S303 - what the protocol demands
        )

    def to_public(self, name: str) -> bytes:
        """
        The public key in Android's own form, as an AUTH message carries it.

        A structure of little-endian 32-bit words, precomputed for Montgomery multiplication:
        length in words, -1/n[0] mod 2^32, n, R^2 mod n, exponent; in base64, then a name for
        people, then NUL. See libcrypto_utils/android_pubkey.cpp in Android's system/core.

        Args:
            name: Shown to the phone's owner; no spaces.
        """
        numbers = self._private.public_key().public_numbers()
        modulus = numbers.n
        word = 1 << 32
        r_squared = pow(1 << _KEY_BITS, 2, modulus)
        structure = (
            struct.pack("<II", _KEY_WORDS, (-pow(modulus, -1, word)) % word)
            + modulus.to_bytes(_KEY_BYTES, "little")
            + r_squared.to_bytes(_KEY_BYTES, "little")
            + struct.pack("<I", numbers.e)
        )
        return base64.b64encode(structure) + b" " + name.encode() + b"\0"

    def fingerprint(self) -> str:
        """Name of the key for logs and errors: SHA-256 of the modulus, 16 hex digits."""
        modulus = self._private.public_key().public_numbers().n
        return hashlib.sha256(modulus.to_bytes(_KEY_BYTES, "big")).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"AdbKey({self.fingerprint()})"
