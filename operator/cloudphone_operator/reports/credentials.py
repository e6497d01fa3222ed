"""
Each session's credential, from its Secret, remembered for a while.

A Secret made anew is noticed by the first report that does not fit what is remembered. How often a
name is read again, and all names together, is limited: whoever can reach the endpoint could
otherwise make us flood the API server.
"""

import base64
import binascii
import dataclasses
import hmac
from collections import OrderedDict
from enum import StrEnum
from typing import Any

from cloudphone_operator.kube.client import KubeClient
from cloudphone_operator.kube.errors import Invalid
from cloudphone_operator.kube.resources import SECRETS, STREAM_SESSIONS
from cloudphone_operator.names import child_name
from cloudphone_protocol.environment import CREDENTIAL_FILE

_REMEMBERED_MAX = 10_000
_FRESH_S = 300.0
_READ_AGAIN_S = 2.0
_READS_PER_S = 200.0
_READS_BURST = 1000.0
"""All streamers of a large cluster show themselves to a new leader within one heartbeat."""


class Verdict(StrEnum):
    """Whether somebody speaks for a session."""

    KNOWN = "Known"
    UNKNOWN = "Unknown"
    """Wrong credential, or no such session: an outsider cannot tell which."""
    LATER = "Later"
    """Not found out, to spare the API server; ask again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """What a session's Secret said, and when; both empty where there is none."""

    credential: bytes = dataclasses.field(repr=False)
    session_uid: str
    read_at_s: float


class Credentials:
    """
    Knows who may report for a session.

    Args:
        kube: Access to the API server.
    """

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._remembered: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()
        self._reads_left = _READS_BURST
        self._refilled_at_s = 0.0

    async def check(
        self, namespace: str, name: str, credential: str, *, now_s: float
    ) -> tuple[Verdict, str]:
        """
        Compare a credential with the session's, in constant time.

        Args:
            namespace: Namespace of the session.
            name: Name of the session.
            credential: What was shown.
            now_s: Monotonic seconds.
        Returns:
            The verdict and, if it is KNOWN, the uid of the session.
        Raises:
            KubeError: If the Secret could not be read.
        """
        key = (namespace, name)
        shown = credential.encode(errors="surrogateescape")
        remembered = self._remembered.get(key)
        if remembered is not None:
            age_s = now_s - remembered.read_at_s
            fits = _fits(shown, remembered)
            if fits and age_s < _FRESH_S:
                return Verdict.KNOWN, remembered.session_uid
            if not fits and age_s < _READ_AGAIN_S:
                return Verdict.UNKNOWN, ""
        if not self._may_read(now_s):
            return Verdict.LATER, ""
        remembered = await self._read(namespace, name, now_s)
        self._remembered[key] = remembered
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        if _fits(shown, remembered):
            return Verdict.KNOWN, remembered.session_uid
        return Verdict.UNKNOWN, ""

    def _may_read(self, now_s: float) -> bool:
        """Take one of the reads that refill with time (a token bucket)."""
        refill = (now_s - self._refilled_at_s) * _READS_PER_S
        self._reads_left = min(_READS_BURST, self._reads_left + refill)
        self._refilled_at_s = now_s
        if self._reads_left < 1:
            return False
        self._reads_left -= 1
        return True

    async def _read(self, namespace: str, name: str, now_s: float) -> _Remembered:
        try:
            secret = await self._kube.get(SECRETS, namespace, child_name(name))
        except Invalid:
            secret = None  # no session can have such a name
        if secret is None:
            return _Remembered(credential=b"", session_uid="", read_at_s=now_s)
        return _Remembered(
            credential=_parse_credential(secret),
            session_uid=_parse_session_uid(secret, name),
            read_at_s=now_s,
        )


def _fits(shown: bytes, remembered: _Remembered) -> bool:
    # Compared also where there is nothing to compare with, so that time tells nothing.
    equal = hmac.compare_digest(shown, remembered.credential)
    return equal and bool(remembered.credential) and bool(remembered.session_uid)


def _parse_credential(secret: dict[str, Any]) -> bytes:
    encoded = (secret.get("data") or {}).get(CREDENTIAL_FILE, "")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _parse_session_uid(secret: dict[str, Any], name: str) -> str:
    """Uid of the session that owns the Secret; a Secret that somebody else made counts for none."""
    for owner in secret["metadata"].get("ownerReferences") or ():
        if (
            owner["kind"] == STREAM_SESSIONS.kind
            and owner["name"] == name
            and owner.get("controller")
        ):
            return str(owner["uid"])
    return ""
