"""
How a connection begins: who are you, prove it, what can we both do.

Pure: messages in, messages out. The client speaks first; a daemon that trusts everybody answers
with its own CNXN, another one asks for a signature.
"""

from dataclasses import dataclass

from cloudphone_streamer.adb.errors import (
    AdbProtocolViolation,
    AdbTlsRequired,
    AdbUnauthorized,
)
from cloudphone_streamer.adb.keys import TOKEN_BYTES, AdbKey
from cloudphone_streamer.adb.wire import (
    INITIAL_MAX_PAYLOAD_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION,
    VERSION_WITH_CHECKSUM,
    AuthType,
    Command,
    Message,
)

SHELL_V2 = "shell_v2"
"""Feature: commands with separate outputs and an exit status (Android 7)."""

DELAYED_ACK = "delayed_ack"
"""Feature: a window of bytes instead of one unacknowledged message a stream (Android 14)."""

_OUR_FEATURES = (SHELL_V2, DELAYED_ACK)
_KEY_NAME = "cloudphone-streamer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """
    What the daemon said of itself.

    Args:
        with_checksum: Whether it expects checksums.
        max_payload_bytes: Largest payload that it takes.
        features: What both sides can do.
    """

    with_checksum: bool
    max_payload_bytes: int
    features: frozenset[str]


class Handshake:
    """
    One handshake, from the first message to the daemon's CNXN.

    Args:
        key: Our key; without one, phones that ask for authentication are refused.
    """

    def __init__(self, key: AdbKey | None) -> None:
        self._key = key
        self._signed = False
        self._offered = False

    def start(self) -> Message:
        """The client's CNXN."""
        banner = f"host::features={','.join(_OUR_FEATURES)}"
        return Message(
            command=Command.CNXN, arg0=VERSION, arg1=MAX_PAYLOAD_BYTES, payload=banner.encode()
        )

    @property
    def waits_for_owner(self) -> bool:
        """Whether the phone has been sent our public key, which its owner has to confirm."""
        return self._offered

    def receive(self, message: Message) -> Message | Peer:
        """
        Take one message of the daemon; what to send, or the end of the handshake.

        Raises:
            AdbUnauthorized: If it wants a key and we have none, or refuses ours.
            AdbTlsRequired: If it wants TLS.
            AdbProtocolViolation: If it is not a handshake's message.
        """
        match message.command:
            case Command.CNXN:
                return _parse_peer(message)
            case Command.AUTH:
                return self._authenticate(message)
            case Command.STLS:
                raise AdbTlsRequired(
                    "the phone asks for ADB over TLS (wireless debugging); expected plain ADB: "
                    "run `adb tcpip 5555` on it, or set service.adb.tls.port to none"
                )
            case _:
                raise AdbProtocolViolation(
                    f"message in the handshake is {message.command.name}; "
                    "expected CNXN, AUTH or STLS"
                )

    def _authenticate(self, message: Message) -> Message:
        if message.arg0 != AuthType.TOKEN or len(message.payload) != TOKEN_BYTES:
            raise AdbProtocolViolation(
                f"AUTH is of type {message.arg0} with {len(message.payload)} bytes; "
                f"expected type {AuthType.TOKEN.value} with {TOKEN_BYTES}"
            )
        if self._key is None:
            raise AdbUnauthorized(
                "the phone asks for an ADB key and none is configured; "
                "set ADB_KEY_PATH to a key that the phone knows, or turn ro.adb.secure off"
            )
        if not self._signed:
            self._signed = True
            return _auth(AuthType.SIGNATURE, self._key.sign(message.payload))
        if not self._offered:
            self._offered = True
            return _auth(AuthType.RSA_PUBLIC_KEY, self._key.to_public(_KEY_NAME))
        raise AdbUnauthorized(
            f"the phone refuses the ADB key {self._key.fingerprint()}; "
            "add its public part to /data/misc/adb/adb_keys on the phone"
        )


def _auth(kind: AuthType, payload: bytes) -> Message:
    return Message(command=Command.AUTH, arg0=kind, arg1=0, payload=payload)


def _parse_peer(message: Message) -> Peer:
    """
    Read a daemon's CNXN.

    Its banner is `device::ro.product.name=...;...;features=a,b,c`.
    """
    if message.arg0 < VERSION_WITH_CHECKSUM:
        raise AdbProtocolViolation(
            f"ADB version is {message.arg0:#010x}; expected {VERSION_WITH_CHECKSUM:#010x} or newer"
        )
    if message.arg1 < INITIAL_MAX_PAYLOAD_BYTES:
        raise AdbProtocolViolation(
            f"ADB maxdata is {message.arg1}; expected at least {INITIAL_MAX_PAYLOAD_BYTES} bytes"
        )
    banner = message.payload.rstrip(b"\0").decode(errors="replace")
    features: set[str] = set()
    for part in banner.partition("::")[2].split(";"):
        name, _, value = part.partition("=")
        if name == "features":
            features.update(value.split(","))
    return Peer(
        with_checksum=message.arg0 < VERSION,
        max_payload_bytes=min(message.arg1, MAX_PAYLOAD_BYTES),
        features=frozenset(features).intersection(_OUR_FEATURES),
    )
