"""
Trickle ICE fragments: what WHEP's PATCH brings, and the answer to an ICE restart. Pure.

See RFC 8840 - 9 (application/trickle-ice-sdpfrag), draft-ietf-wish-whep - 4.3.
"""

from cloudphone_streamer.webrtc.answer import LocalTransport
from cloudphone_streamer.webrtc.errors import MalformedFragment
from cloudphone_streamer.webrtc.ice_lite import Credentials, candidate_lines, checked_credentials
from cloudphone_streamer.webrtc.offer import Offer

MAX_FRAGMENT_BYTES = 16 * 1024


def restart_of(text: str, present_user_fragment: str) -> Credentials | None:
    """
    Read a fragment; its candidates are not needed by a lite agent.

    Args:
        text: Body of the request; with BUNDLE all its sections have the same credentials.
        present_user_fragment: The viewer's, as it last gave it.
    Returns:
        The viewer's new credentials; None where they are the present ones.
    Raises:
        MalformedFragment: If it is too long, or has no user fragment, several, or a new one
            without a password.
    """
    if len(text) > MAX_FRAGMENT_BYTES:
        raise MalformedFragment(
            f"fragment is {len(text)} characters; expected at most {MAX_FRAGMENT_BYTES}"
        )
    lines = text.splitlines()
    try:
        user_fragment = _only(lines, "a=ice-ufrag:")
        if user_fragment == present_user_fragment:
            return None
        return checked_credentials(user_fragment, _only(lines, "a=ice-pwd:"))
    except ValueError as error:
        raise MalformedFragment(f"fragment: {error}") from None


def build_fragment(offer: Offer, transport: LocalTransport) -> str:
    """Build the fragment that answers a restart: new credentials, all candidates."""
    tagged = offer.bundle[0] if offer.bundle else offer.video_mid
    section = next(section for section in offer.sections if section.mid == tagged)
    lines = ["a=ice-lite"]
    if offer.bundle:
        lines.append(f"a=group:BUNDLE {' '.join(offer.bundle)}")
    lines += [
        f"m={section.kind} 9 {section.profile} {' '.join(section.formats)}",
        f"a=mid:{section.mid}",
        f"a=ice-ufrag:{transport.credentials.user_fragment}",
        f"a=ice-pwd:{transport.credentials.password}",
        *candidate_lines(transport.addresses, transport.port),
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"


def _only(lines: list[str], prefix: str) -> str | None:
    """The one value of an attribute, however often it is there."""
    values = {line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix)}
    if len(values) > 1:
        raise ValueError(f"{prefix.removesuffix(':')} has {len(values)} values; expected one")
    return values.pop() if values else None
