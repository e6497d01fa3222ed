"""
A viewer's SDP offer, and what of it is taken. Pure.

aiortc reads the lines; here everything that the answer depends on is checked, since each value is
echoed or acted upon. Candidates are not even looked at: a lite agent sends nobody a check.

See RFC 8829 (JSEP), RFC 9143 (BUNDLE), RFC 8839 (ICE), RFC 8842 (DTLS).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiortc.sdp import MediaDescription, SessionDescription

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.webrtc.errors import MalformedOffer
from cloudphone_streamer.webrtc.ice_lite import Credentials, checked_credentials
from cloudphone_streamer.webrtc.video_format import TOKEN, VideoFormat, choose_video

MAX_OFFER_BYTES = 64 * 1024
MAX_SECTIONS = 32

_UNUSED_LINES = ("a=candidate:", "a=ssrc:", "a=ssrc-group:", "a=msid-semantic:", "a=sctpmap:")

_RTP_PROFILES = {"UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"}
_DATA_PROFILES = {"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"}
_DATA_FORMAT = "webrtc-datachannel"
_FINGERPRINT_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}


class SectionUse(StrEnum):
    """What becomes of a section of the offer."""

    VIDEO = "video"
    DATA = "data"
    INACTIVE = "inactive"
    """Kept in the bundle without media."""
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFormat:
    """The viewer's SCTP."""

    port: int
    max_message_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    One m-line.

    Args:
        kind: Media type as offered.
        profile: Transport protocol as offered.
        formats: Formats that the answer lists; with RTP the first one is described by `rtpmap`.
        mid: Identification.
        use: What becomes of it.
        rtpmap: Encoding of the first format of an inactive section.
    """

    kind: str
    profile: str
    formats: tuple[str, ...]
    mid: str
    use: SectionUse
    rtpmap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """
    A viewer's offer, checked.

    Args:
        credentials: The viewer's ICE credentials.
        fingerprints: (algorithm, value) of its certificate.
        sections: All m-lines in order.
        bundle: Identifications of the sections that share the transport, in the offer's order.
        video: The video that is taken.
        video_mid: Section that holds it.
        data: The data channels that are taken, if any are offered.
    """

    credentials: Credentials
    fingerprints: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    bundle: tuple[str, ...]
    video: VideoFormat
    video_mid: str
    data: DataFormat | None


def parse_offer(sdp: str, codecs: Sequence[VideoCodec] = (VideoCodec.H264,)) -> Offer:
    """
    Read an offer and choose from it.

    Args:
        sdp: Session description of type offer.
        codecs: Those that are served, the preferred one first.
    Raises:
        MalformedOffer: If it is no such description, or lacks what WebRTC demands.
        NoCommonCodec: If the video section has none of `codecs`.
    """
    description = _parse(sdp)
    media = description.media
    mids = [_checked_mid(section) for section in media]
    if len(set(mids)) != len(mids):
        raise MalformedOffer("two sections have the same a=mid")
    bundle = _bundle(description, mids)
    video_position = _video_position(media, mids, bundle)
    video = media[video_position]
    video_mid = mids[video_position]
    video_format = choose_video(video, codecs)
    together = set(bundle) if video_mid in bundle else {video_mid}

    sections: list[Section] = []
    data: DataFormat | None = None
    for position, (section, mid) in enumerate(zip(media, mids, strict=True)):
        if position == video_position:
            use = SectionUse.VIDEO
        elif mid not in together:
            use = SectionUse.REJECTED
        elif data is None and _is_data(section):
            use = SectionUse.DATA
            data = _data_format(section)
        elif section.kind in {"audio", "video"} and section.profile in _RTP_PROFILES:
            use = SectionUse.INACTIVE
        else:
            use = SectionUse.REJECTED
        sections.append(_section(section, mid, use, video_format))
    kept = [section.mid for section in sections if section.use != SectionUse.REJECTED]
    return Offer(
        credentials=_credentials(video),
        fingerprints=_fingerprints(video),
        sections=tuple(sections),
        bundle=tuple(mid for mid in bundle if mid in kept) if video_mid in bundle else (),
        video=video_format,
        video_mid=video_mid,
        data=data,
    )


def _parse(sdp: str) -> SessionDescription:
    if len(sdp) > MAX_OFFER_BYTES:
        raise MalformedOffer(f"offer is {len(sdp)} characters; expected at most {MAX_OFFER_BYTES}")
    if not sdp.startswith("v=0"):
        raise MalformedOffer("offer does not begin with v=0; expected a session description")
    if not sdp.isascii():
        raise MalformedOffer("offer has characters outside ASCII")
    lines = [line for line in sdp.splitlines() if not line.startswith(_UNUSED_LINES)]
    try:
        description = SessionDescription.parse("\r\n".join(lines))
    except Exception as error:  # noqa: BLE001 - aiortc asserts, indexes and unpacks where a line is off
        raise MalformedOffer(f"offer has a line that cannot be read ({error!r})") from None
    if not 0 < len(description.media) <= MAX_SECTIONS:
        raise MalformedOffer(
            f"offer has {len(description.media)} media sections; expected 1..{MAX_SECTIONS}"
        )
    return description


def _checked_mid(section: MediaDescription) -> str:
    mid = section.rtp.muxId
    if not mid or not TOKEN.fullmatch(mid):
        raise MalformedOffer(f"{section.kind} section has no valid a=mid")
    return mid


def _bundle(description: SessionDescription, mids: list[str]) -> tuple[str, ...]:
    """The sections of the offer's one BUNDLE group."""
    for group in description.group:
        if group.semantic == "BUNDLE":
            members = tuple(str(item) for item in group.items)
            if len(set(members)) != len(members) or not set(members) <= set(mids):
                raise MalformedOffer("a=group:BUNDLE names sections that are not in the offer")
            return members
    return ()


def _video_position(media: list[MediaDescription], mids: list[str], bundle: tuple[str, ...]) -> int:
    """The first video section that receives."""
    for position, section in enumerate(media):
        # RFC 9143 - 7.2.1: port 0 within a bundle is bundle-only, elsewhere a section switched off.
        is_on = section.port != 0 or mids[position] in bundle
        receives = section.direction in {None, "recvonly", "sendrecv"}
        if section.kind == "video" and is_on and receives:
            if section.profile not in _RTP_PROFILES:
                raise MalformedOffer(
                    f"video section uses {section.profile}; expected UDP/TLS/RTP/SAVPF"
                )
            if not section.rtcp_mux:
                raise MalformedOffer("video section has no a=rtcp-mux")
            return position
    raise MalformedOffer("offer has no video section that receives")


def _is_data(section: MediaDescription) -> bool:
    return (
        section.kind == "application"
        and section.profile in _DATA_PROFILES
        and _DATA_FORMAT in section.fmt
    )


def _data_format(section: MediaDescription) -> DataFormat:
    port = 5000 if section.sctp_port is None else section.sctp_port
    if not 0 < port < 65_536:
        raise MalformedOffer(f"a=sctp-port is {port}; expected 1..65535")
    capabilities = section.sctpCapabilities
    # RFC 8841 - 6.1: 64 KiB where the attribute is absent.
    max_message_bytes = 65_536 if capabilities is None else capabilities.maxMessageSize
    if max_message_bytes < 0:
        raise MalformedOffer(f"a=max-message-size is {max_message_bytes}; expected at least 0")
    return DataFormat(port=port, max_message_bytes=max_message_bytes)


def _section(section: MediaDescription, mid: str, use: SectionUse, video: VideoFormat) -> Section:
    formats = tuple(str(item) for item in section.fmt)
    if not TOKEN.fullmatch(section.kind) or not all(map(TOKEN.fullmatch, formats)):
        raise MalformedOffer("an m-line has a media type or format that is no token")
    rtpmap = ""
    if use == SectionUse.VIDEO:
        rtx = video.rtx_payload_type
        formats = tuple(str(p) for p in (video.payload_type, rtx) if p is not None)
    elif use == SectionUse.DATA:
        formats = (_DATA_FORMAT,)
    elif use == SectionUse.INACTIVE:
        formats = formats[:1]
        codec = next((c for c in section.rtp.codecs if str(c.payloadType) == formats[0]), None)
        if codec is not None and TOKEN.fullmatch(codec.name):
            rtpmap = str(codec)
    return Section(
        kind=section.kind,
        profile=section.profile,
        formats=formats,
        mid=mid,
        use=use,
        rtpmap=rtpmap,
    )


def _credentials(section: MediaDescription) -> Credentials:
    ice = section.ice
    try:
        return checked_credentials(
            ice.usernameFragment if ice is not None else None,
            ice.password if ice is not None else None,
        )
    except ValueError as error:
        raise MalformedOffer(str(error)) from None


def _fingerprints(section: MediaDescription) -> tuple[tuple[str, str], ...]:
    """The viewer's fingerprints, with the check that it can be the DTLS client."""
    dtls = section.dtls
    if dtls is None:
        raise MalformedOffer("a=setup is absent; expected actpass or active")
    if dtls.role == "server":
        raise MalformedOffer("a=setup is passive; expected actpass or active")
    known = []
    for fingerprint in dtls.fingerprints:
        size = _FINGERPRINT_BYTES.get(fingerprint.algorithm.lower())
        if size is None:
            continue
        if not re.fullmatch(
            rf"([0-9A-Fa-f]{{2}}:){{{size - 1}}}[0-9A-Fa-f]{{2}}", fingerprint.value
        ):
            raise MalformedOffer(f"a=fingerprint of {fingerprint.algorithm} is not {size} bytes")
        known.append((fingerprint.algorithm.lower(), fingerprint.value.upper()))
    if not known:
        raise MalformedOffer("a=fingerprint is absent; expected sha-256, sha-384 or sha-512")
    return tuple(known)
