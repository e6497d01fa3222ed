"""What of an offer is taken, and that nothing else than a clear refusal comes of a bad one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.rtp.packet import ExtensionIds
from cloudphone_streamer.webrtc.errors import MalformedOffer, NoCommonCodec
from cloudphone_streamer.webrtc.offer import DataFormat, SectionUse, parse_offer
from cloudphone_streamer.webrtc.video_format import VideoFormat
from tests.unit.streamer_webrtc.offers import CHROMIUM, FINGERPRINT, video_only

REFUSALS = (MalformedOffer, NoCommonCodec)


def test_chromium_offer() -> None:
    offer = parse_offer(CHROMIUM)
    assert offer.credentials.user_fragment == "Uf/r"
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)
    assert offer.bundle == ("0", "1", "2")
    assert offer.video_mid == "1"
    assert offer.video == VideoFormat(
        codec=VideoCodec.H264,
        payload_type=127,
        parameters="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        rtx_payload_type=125,
        feedback=("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"),
        extensions=ExtensionIds(mid=4, abs_send_time=2, transport_sequence=3, playout_delay=5),
    )
    assert offer.data == DataFormat(port=5000, max_message_bytes=262_144)
    assert [section.use for section in offer.sections] == [
        SectionUse.INACTIVE,
        SectionUse.VIDEO,
        SectionUse.DATA,
    ]
    assert offer.sections[0].rtpmap == "opus/48000/2"


def test_an_offer_without_a_bundle_has_its_video_taken_alone() -> None:
    offer = parse_offer(video_only())
    assert offer.bundle == ()
    assert offer.video_mid == "video0"
    assert offer.video.rtx_payload_type is None
    assert offer.video.feedback == ()
    assert offer.data is None


@pytest.mark.parametrize(
    ("profiles", "chosen"),
    [
        pytest.param(["42e01f", "42001f"], "42e01f", id="the usual one"),
        pytest.param(["640c1f", "42c02a", "42001f"], "42c02a", id="any Constrained Baseline"),
        pytest.param(["640c1f", "4d001f", "42001f"], "42001f", id="Baseline before Main"),
        pytest.param(["640c1f", "4d001f"], "4d001f", id="Main before High"),
        pytest.param(["zzzzzz", "640c1f"], "zzzzzz", id="unreadable counts as Baseline"),
    ],
)
def test_the_profile_that_phones_encode_is_preferred(profiles: list[str], chosen: str) -> None:
    formats = " ".join(str(100 + position) for position in range(len(profiles)))
    lines = []
    for position, profile in enumerate(profiles):
        lines.append(f"a=rtpmap:{100 + position} H264/90000")
        lines.append(f"a=fmtp:{100 + position} packetization-mode=1;profile-level-id={profile}")
    offer = video_only(*lines).replace("SAVPF 96", f"SAVPF {formats}")
    assert f"profile-level-id={chosen}" in parse_offer(offer).video.parameters


BOTH = (VideoCodec.H264, VideoCodec.VP8)


@pytest.mark.parametrize(
    ("codecs", "codec", "payload_type", "rtx"),
    [
        pytest.param(BOTH, VideoCodec.H264, 127, 125, id="the preferred one"),
        pytest.param(BOTH[::-1], VideoCodec.VP8, 96, 97, id="the other way round"),
        pytest.param((VideoCodec.VP8,), VideoCodec.VP8, 96, 97, id="one alone"),
    ],
)
def test_the_first_served_codec_of_the_offer_is_taken(
    codecs: tuple[VideoCodec, ...], codec: VideoCodec, payload_type: int, rtx: int
) -> None:
    video = parse_offer(CHROMIUM, codecs).video
    assert (video.codec, video.payload_type, video.rtx_payload_type) == (codec, payload_type, rtx)


def test_an_offer_without_h264_gets_vp8_where_it_is_served() -> None:
    offer = CHROMIUM.replace("H264", "H265")
    assert parse_offer(offer, BOTH).video.codec is VideoCodec.VP8
    with pytest.raises(NoCommonCodec, match="expected H264 with packetization-mode=1 or VP8"):
        parse_offer(offer.replace("VP8", "VP9"), BOTH)


def test_a_bundle_only_section_is_taken() -> None:
    offer = CHROMIUM.replace("m=video 9 ", "m=video 0 ").replace(
        "a=mid:1\r\n", "a=mid:1\r\na=bundle-only\r\n"
    )
    assert parse_offer(offer).video_mid == "1"


def test_data_outside_the_bundle_is_rejected() -> None:
    offer = parse_offer(CHROMIUM.replace("BUNDLE 0 1 2", "BUNDLE 0 1"))
    assert offer.data is None
    assert offer.sections[2].use == SectionUse.REJECTED
    assert offer.bundle == ("0", "1")


def test_candidates_are_not_even_read() -> None:
    assert parse_offer(CHROMIUM.replace("10.96.0.1 443 typ host", "garbage")).video_mid == "1"


def test_feedback_nack_is_taken_only_with_retransmission() -> None:
    offer = parse_offer(video_only("a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli"))
    assert offer.video.feedback == ("nack pli",)


def test_extension_ids_beyond_the_one_byte_form_are_left_out() -> None:
    offer = parse_offer(CHROMIUM.replace("a=extmap:5 ", "a=extmap:15 "))
    assert offer.video.extensions.playout_delay == 0


@pytest.mark.parametrize(
    ("before", "after", "error", "reason"),
    [
        pytest.param("v=0", "", MalformedOffer, "begin with v=0", id="no SDP"),
        pytest.param("a=rtpmap:102 H264", "a=rtpmap:102 HH64", None, "", id="another H264 is left"),
        pytest.param(
            "H264", "H265", NoCommonCodec, "has video codecs H265, VP8, rtx", id="no H264"
        ),
        pytest.param(
            "packetization-mode=1", "packetization-mode=0", NoCommonCodec, "mode=1", id="mode 0"
        ),
        pytest.param("m=video", "m=image", MalformedOffer, "no video section", id="no video"),
        pytest.param("a=recvonly", "a=sendonly", MalformedOffer, "receives", id="sends only"),
        pytest.param("a=rtcp-mux", "a=x", MalformedOffer, "rtcp-mux", id="two ports"),
        pytest.param("SAVPF", "AVP", MalformedOffer, "UDP/TLS/RTP/AVP", id="not encrypted"),
        pytest.param("a=setup:actpass", "a=setup:passive", MalformedOffer, "passive", id="passive"),
        pytest.param("a=setup:actpass", "a=x", MalformedOffer, "a=setup is absent", id="no setup"),
        pytest.param("a=setup:actpass", "a=setup:holdconn", MalformedOffer, "line", id="bad setup"),
        pytest.param("a=ice-ufrag", "a=x", MalformedOffer, "ice-ufrag", id="no user fragment"),
        pytest.param("Uf/r", "Uf r", MalformedOffer, "ice-ufrag", id="bad user fragment"),
        pytest.param("a=ice-pwd", "a=x", MalformedOffer, "ice-pwd", id="no password"),
        pytest.param(
            "a=fingerprint", "a=x", MalformedOffer, "fingerprint is absent", id="no print"
        ),
        pytest.param("sha-256", "md5", MalformedOffer, "expected sha-256", id="weak fingerprint"),
        pytest.param("AB:AB:", "AB:", MalformedOffer, "not 32 bytes", id="short fingerprint"),
        pytest.param("a=mid:1", "a=x", MalformedOffer, "a=mid", id="no mid"),
        pytest.param("a=mid:1", "a=mid:0", MalformedOffer, "same a=mid", id="one mid twice"),
        pytest.param("a=mid:1", "a=mid:1 \t", MalformedOffer, "a=mid", id="mid is no token"),
        pytest.param("BUNDLE 0 1", "BUNDLE 0 9", MalformedOffer, "BUNDLE", id="bundle of nothing"),
        pytest.param("sctp-port:5000", "sctp-port:0", MalformedOffer, "sctp-port", id="SCTP port"),
        pytest.param("max-message-size:", "max-message-size:-", MalformedOffer, "size", id="size"),
        pytest.param("a=extmap:5 ", "a=extmap:3 ", MalformedOffer, "same id", id="one id twice"),
        pytest.param("127", "72", MalformedOffer, "cannot be read", id="payload type of RTCP"),
        pytest.param("m=video 9", "m=video", MalformedOffer, "cannot be read", id="bad m-line"),
        pytest.param("a=rtpmap:96 VP8", "a=rtpmap:96", MalformedOffer, "read", id="bad rtpmap"),
        pytest.param("s=-", "s=\u00e4", MalformedOffer, "ASCII", id="not ASCII"),
    ],
)
def test_an_offer_with_one_defect(
    before: str, after: str, error: type[Exception] | None, reason: str
) -> None:
    offer = CHROMIUM.replace(before, after)
    assert offer != CHROMIUM
    if error is None:
        parse_offer(offer)
    else:
        with pytest.raises(error, match=reason):
            parse_offer(offer)


def test_an_offer_that_is_too_long_is_refused() -> None:
    with pytest.raises(MalformedOffer, match="expected at most 65536"):
        parse_offer(CHROMIUM + "a=x\r\n" * 20_000)


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(REFUSALS):
        parse_offer("v=0\r\n" + text)


@given(data=st.data())
def test_a_garbled_offer_is_read_or_refused(data: st.DataObject) -> None:
    lines = CHROMIUM.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["drop", "cut", "insert", "duplicate", "swap"]))
        line = lines[position]
        if action == "drop":
            del lines[position]
        elif action == "cut":
            lines[position] = line[: data.draw(st.integers(0, len(line)))]
        elif action == "insert":
            at = data.draw(st.integers(0, len(line)))
            lines[position] = line[:at] + data.draw(st.text(max_size=8)) + line[at:]
        elif action == "duplicate":
            lines.insert(position, line)
        else:
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[position], lines[other] = lines[other], lines[position]
        if not lines:
            lines = [""]
    with contextlib.suppress(*REFUSALS):
        parse_offer("\r\n".join(lines))
