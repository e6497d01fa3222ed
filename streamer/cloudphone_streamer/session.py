"""
The session that this process streams: its document, its keys, and what a new document changes.

`app` reads the files once at start; later documents are pushed (`signaling.internal`). The keys are
read at each use, so that a Secret made anew by the operator counts without a restart.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cloudphone_protocol.environment import CREDENTIAL_FILE, DOCUMENT_FILE, TICKET_KEY_FILE
from cloudphone_protocol.errors import InvalidMessage
from cloudphone_protocol.session import SessionDocument
from cloudphone_streamer.errors import SettingsError

_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")


class SessionKeys(Protocol):
    """The secrets of one session."""

    def ticket_key(self) -> bytes:
        """Key that signs this session's tickets."""

    def credential(self) -> str:
        """Bearer token between this streamer and the operator, both ways."""


class SessionFiles:
    """The session's Secret as the kubelet mounts it: one file an entry."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def document(self) -> SessionDocument:
        """
        Read the session document.

        Raises:
            SettingsError: If the file is missing or does not fit.
        """
        try:
            return SessionDocument.parse(self._read(DOCUMENT_FILE))
        except InvalidMessage as error:
            raise SettingsError(f"{self._directory / DOCUMENT_FILE}: {error}") from None

    def ticket_key(self) -> bytes:
        """
        Read the key that signs tickets.

        Raises:
            SettingsError: If the file is missing or no key.
        """
        return bytes.fromhex(self._read_hex_key(TICKET_KEY_FILE))

    def credential(self) -> str:
        """
        Read the session's credential.

        Raises:
            SettingsError: If the file is missing or no credential.
        """
        return self._read_hex_key(CREDENTIAL_FILE)

    def check_keys(self) -> None:
        """
        Find out at start rather than at the first viewer.

        Raises:
            SettingsError: If one of the keys is missing or no key.
        """
        self.ticket_key()
        self.credential()

    def _read_hex_key(self, name: str) -> str:
        text = self._read(name).strip()
        if not _HEX_KEY.fullmatch(text):
            raise SettingsError(
                f"{self._directory / name} has {len(text)} characters; expected: 64 hex digits"
            )
        return text

    def _read(self, name: str) -> str:
        path = self._directory / name
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            raise SettingsError(
                f"{path} cannot be read ({reason}); expected: a file of the session's Secret, "
                f"in the folder that SESSION_DIR names"
            ) from None


class Change(StrEnum):
    """What a new document asks of a running streamer."""

    NOTHING = "nothing"
    LIMITS = "limits"
    """Applied at once; the picture goes on."""
    CAPTURE = "capture"
    """A new capture; viewers stay connected and are told."""


def change_between(old: SessionDocument, new: SessionDocument) -> Change:
    """
    Say what `new` changes. A new pod uid at the old address is another phone.

    The codecs are those of later offers; they never concern the capture.
    """
    if old == new:
        return Change.NOTHING
    of_capture = [
        (document.device, document.capture, document.video.model_copy(update={"codecs": ()}))
        for document in (old, new)
    ]
    return Change.CAPTURE if of_capture[0] != of_capture[1] else Change.LIMITS
