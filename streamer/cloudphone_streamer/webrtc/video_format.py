"""
Which codec of an offer's video section is taken, and how it is sent. Pure.

See RFC 6184 - 8.1 (H.264), RFC 7741 - 6 (VP8), RFC 4588 - 8 (RTX), RFC 8285 (extensions).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiortc.sdp import MediaDescription

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.rtp.packet import ExtensionIds, ExtensionUri
from cloudphone_streamer.webrtc.errors import MalformedOffer, NoCommonCodec

TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}")
"""RFC 8866 - 9: token; bounded, since it is echoed."""

_FORMAT_PARAMETERS = re.compile(r"[\x20-\x7e]{0,256}")
_PROFILE_LEVEL_ID = re.compile(r"[0-9A-Fa-f]{6}")

_DEFAULT_PROFILE_LEVEL_ID = "42000a"
"""RFC 6184 - 8.1: Baseline, level 1, where the parameter is absent."""

_EXPECTED = {
    VideoCodec.H264: "H264 with packetization-mode=1",
    VideoCodec.VP8: "VP8",
}

_FEEDBACK = ("nack pli", "ccm fir", "goog-remb", "transport-cc")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """
    The codec that is taken.

    Args:
        codec: Which.
        payload_type: Of it.
        parameters: Its format parameters, as offered.
        rtx_payload_type: Of its retransmissions; None where not offered.
        feedback: RTCP feedback that the viewer sends and is used here.
        extensions: Header extension ids.
    """

    codec: VideoCodec
    payload_type: int
    parameters: str
    rtx_payload_type: int | None
    feedback: tuple[str, ...]
    extensions: ExtensionIds


def choose_video(section: MediaDescription, served: Sequence[VideoCodec]) -> VideoFormat:
    """
    Choose the codec of a video section.

    Args:
        section: As aiortc has read it.
        served: What can be sent, the preferred codec first.
    Raises:
        NoCommonCodec: If the viewer takes none of them.
        MalformedOffer: If what it says of the codec cannot be echoed.
    """
    for name in served:
        candidates = [
            codec
            for codec in section.rtp.codecs
            if codec.name.upper() == name
            and codec.clockRate == 90_000
            and codec.payloadType in section.fmt
            and (name is not VideoCodec.H264 or _is_packetization_mode_1(codec.parameters))
        ]
        if candidates:
            break
    else:
        offered = sorted({c.name for c in section.rtp.codecs if TOKEN.fullmatch(c.name)})
        raise NoCommonCodec(
            f"offer has video codecs {', '.join(offered) or 'none'}; "
            f"expected {' or '.join(_EXPECTED[name] for name in served)}"
        )
    codec = min(candidates, key=lambda c: _profile_rank(c.parameters.get("profile-level-id")))
    payload_type = _checked_payload_type(codec.payloadType)
    parameters = ";".join(
        name if value is None else f"{name}={value}" for name, value in codec.parameters.items()
    )
    if not _FORMAT_PARAMETERS.fullmatch(parameters):
        raise MalformedOffer(f"a=fmtp of {name} is longer than 256 characters")
    rtx = next(
        (
            c.payloadType
            for c in section.rtp.codecs
            if c.name.lower() == "rtx"
            and c.parameters.get("apt") == payload_type
            and c.payloadType in section.fmt
        ),
        None,
    )
    offered_feedback = {
        f"{feedback.type} {feedback.parameter}" if feedback.parameter else feedback.type
        for feedback in codec.rtcpFeedback
    }
    feedback = tuple(name for name in _FEEDBACK if name in offered_feedback)
    if rtx is not None and "nack" in offered_feedback:
        # Only as a stream of its own: see rtp.sender.
        feedback = ("nack", *feedback)
    return VideoFormat(
        codec=name,
        payload_type=payload_type,
        parameters=parameters,
        rtx_payload_type=None if rtx is None else _checked_payload_type(rtx),
        feedback=feedback,
        extensions=_extensions(section),
    )


def _is_packetization_mode_1(parameters: Mapping[str, Any]) -> bool:
    return str(parameters.get("packetization-mode")) == "1"


def _profile_rank(profile_level_id: Any) -> int:
    """
    Order of preference: phones encode Constrained Baseline unless told otherwise.

    See ITU-T H.264 - A.2: constraint_set1_flag (0x40) makes Baseline a constrained one.
    """
    if not isinstance(profile_level_id, str) or not _PROFILE_LEVEL_ID.fullmatch(profile_level_id):
        profile_level_id = _DEFAULT_PROFILE_LEVEL_ID
    if profile_level_id.lower() == "42e01f":
        return 0
    profile, constraints = bytes.fromhex(profile_level_id[:4])
    if profile == 0x42:
        return 1 if constraints & 0x40 else 2
    return {0x4D: 3, 0x64: 4}.get(profile, 5)


def _checked_payload_type(payload_type: int | None) -> int:
    # RFC 5761 - 4: 64..95 look like RTCP when multiplexed.
    if payload_type is None or not (35 <= payload_type <= 63 or 96 <= payload_type <= 127):
        raise MalformedOffer(f"payload type is {payload_type}; expected 96..127 or 35..63")
    return payload_type


def _extensions(section: MediaDescription) -> ExtensionIds:
    """Ids of the extensions that can be sent; RFC 8285 - 4.2: the one-byte form has 1..14."""
    ids = {header.uri: header.id for header in section.rtp.headerExtensions if 1 <= header.id <= 14}
    if len(set(ids.values())) != len(ids):
        raise MalformedOffer("two a=extmap of the video section have the same id")
    return ExtensionIds(
        mid=ids.get(ExtensionUri.MID, 0),
        abs_send_time=ids.get(ExtensionUri.ABS_SEND_TIME, 0),
        transport_sequence=ids.get(ExtensionUri.TRANSPORT_SEQUENCE, 0),
        playout_delay=ids.get(ExtensionUri.PLAYOUT_DELAY, 0),
    )
