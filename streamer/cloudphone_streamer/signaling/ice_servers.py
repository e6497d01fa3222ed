"""
STUN and TURN servers for viewers, as WHEP's Link headers. Pure.

The streamer itself needs none: it is at an address that viewers reach. Some viewers are in networks
that let nothing pass but a TURN server.

See draft-ietf-wish-whep - 4.6 (Link), draft-uberti-behave-turn-rest - 2.2 (credentials for a time).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

CREDENTIAL_LIFETIME_S = 24 * 3600
"""
Of a time-limited credential: a TURN server asks for it at each refresh of an allocation, so it
has to outlive the connection.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServers:
    """
    What viewers are told.

    Args:
        stun_urls: `stun:` URIs (RFC 7064).
        turn_urls: `turn:` and `turns:` URIs (RFC 7065).
        username: Lasting user name at the TURN servers.
        credential: Its password.
        auth_secret: coturn's `static-auth-secret`: each viewer has a user name and password for a
            time; instead of the lasting ones. Empty: none.
    """

    stun_urls: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    username: str = ""
    credential: str = field(default="", repr=False)
    auth_secret: str = field(default="", repr=False)

    def links(self, viewer: str, now_s: float) -> list[str]:
        """
        Write the values of the Link headers for one viewer.

        Args:
            viewer: Names it to the TURN server, for its log; without a colon.
            now_s: Unix time.
        """
        links = [f'<{url}>; rel="ice-server"' for url in self.stun_urls]
        username, credential = self.username, self.credential
        if self.auth_secret:
            username, credential = turn_credential(
                self.auth_secret, viewer, int(now_s) + CREDENTIAL_LIFETIME_S
            )
        links += [
            f'<{url}>; rel="ice-server"; username={_quoted(username)}; '
            f'credential={_quoted(credential)}; credential-type="password"'
            for url in self.turn_urls
        ]
        return links


def turn_credential(secret: str, viewer: str, expires_at_s: int) -> tuple[str, str]:
    """
    Make a user name and a password that a TURN server accepts until a moment.

    Args:
        secret: Shared with the TURN server.
        viewer: Any name.
        expires_at_s: Unix time.
    """
    username = f"{expires_at_s}:{viewer}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def _quoted(text: str) -> str:
    """A quoted-string (RFC 9110 - 5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
