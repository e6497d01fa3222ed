"""
The SDP answer to a checked offer. Pure.

See RFC 8829 - 5.3 (JSEP), RFC 8839 - 5.3 (ice-lite), RFC 8843, RFC 5576 (ssrc).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cloudphone_protocol.channel import MAX_MESSAGE_BYTES
from cloudphone_streamer.rtp.packet import ExtensionUri
from cloudphone_streamer.rtp.sender import VideoParameters
from cloudphone_streamer.webrtc.ice_lite import Credentials, candidate_lines
from cloudphone_streamer.webrtc.offer import Offer, Section, SectionUse
from cloudphone_streamer.webrtc.video_format import VideoFormat

SCTP_PORT = 5000

_STREAM = "cloudphone"
_TRACK = "video"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTransport:
    """
    Our side of the one transport.

    Args:
        credentials: ICE, of this viewer.
        fingerprint: SDP value of our certificate's fingerprint.
        addresses: IP addresses that viewers reach, the preferred first.
        port: Port at each of them, UDP and TCP.
    """

    credentials: Credentials
    fingerprint: str
    addresses: Sequence[str]
    port: int


def build_answer(offer: Offer, transport: LocalTransport, video: VideoParameters) -> str:
    """
    Answer an offer: video sent, data channels taken, all else inactive or rejected.

    Args:
        offer: What was offered and chosen.
        transport: Our side.
        video: Identifiers of the stream that is sent.
    Returns:
        Session description of type answer, complete with all candidates.
    """
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite"]
    if offer.bundle:
        lines.append(f"a=group:BUNDLE {' '.join(offer.bundle)}")
    lines.append(f"a=msid-semantic:WMS {_STREAM}")
    # RFC 9143 - 7.3: the first section of the group stands for all; it names the candidates.
    tagged = offer.bundle[0] if offer.bundle else offer.video_mid
    for section in offer.sections:
        lines.extend(_section_lines(section, offer, video))
        if section.use != SectionUse.REJECTED:
            lines.extend(_transport_lines(transport, with_candidates=section.mid == tagged))
    return "\r\n".join(lines) + "\r\n"


def _section_lines(section: Section, offer: Offer, video: VideoParameters) -> list[str]:
    port = 0 if section.use == SectionUse.REJECTED else 9
    lines = [
        f"m={section.kind} {port} {section.profile} {' '.join(section.formats)}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
    ]
    if section.use == SectionUse.VIDEO:
        lines += _video_lines(offer.video, video)
    elif section.use == SectionUse.DATA:
        lines += [f"a=sctp-port:{SCTP_PORT}", f"a=max-message-size:{MAX_MESSAGE_BYTES}"]
    elif section.use == SectionUse.INACTIVE:
        lines += ["a=inactive", "a=rtcp-mux"]
        if section.rtpmap:
            lines.append(f"a=rtpmap:{section.formats[0]} {section.rtpmap}")
    return lines


def _video_lines(chosen: VideoFormat, video: VideoParameters) -> list[str]:
    extensions = chosen.extensions
    payload_type = chosen.payload_type
    lines = ["a=sendonly", "a=rtcp-mux", f"a=msid:{_STREAM} {_TRACK}"]
    lines += [
        f"a=extmap:{extension_id} {uri}"
        for extension_id, uri in (
            (extensions.mid, ExtensionUri.MID),
            (extensions.abs_send_time, ExtensionUri.ABS_SEND_TIME),
            (extensions.transport_sequence, ExtensionUri.TRANSPORT_SEQUENCE),
            (extensions.playout_delay, ExtensionUri.PLAYOUT_DELAY),
        )
        if extension_id
    ]
    lines.append(f"a=rtpmap:{payload_type} {chosen.codec}/90000")
    if chosen.parameters:
        lines.append(f"a=fmtp:{payload_type} {chosen.parameters}")
    lines += [f"a=rtcp-fb:{payload_type} {feedback}" for feedback in chosen.feedback]
    if chosen.rtx_payload_type is not None:
        lines.append(f"a=rtpmap:{chosen.rtx_payload_type} rtx/90000")
        lines.append(f"a=fmtp:{chosen.rtx_payload_type} apt={payload_type}")
        lines.append(f"a=ssrc-group:FID {video.ssrc} {video.rtx_ssrc}")
    lines.append(f"a=ssrc:{video.ssrc} cname:{video.cname}")
    if chosen.rtx_payload_type is not None:
        lines.append(f"a=ssrc:{video.rtx_ssrc} cname:{video.cname}")
    return lines


def _transport_lines(transport: LocalTransport, *, with_candidates: bool) -> list[str]:
    lines = [
        f"a=ice-ufrag:{transport.credentials.user_fragment}",
        f"a=ice-pwd:{transport.credentials.password}",
        f"a=fingerprint:{transport.fingerprint}",
        "a=setup:passive",
    ]
    if with_candidates:
        lines += candidate_lines(transport.addresses, transport.port)
        lines.append("a=end-of-candidates")
    return lines
