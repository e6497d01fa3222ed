"""The session document: what both sides agree on, and what an old streamer makes of a new one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_protocol.errors import InvalidMessage
from cloudphone_protocol.session import (
    Access,
    Capture,
    CaptureMode,
    Device,
    SessionDocument,
    SessionRef,
    Video,
)

REF = SessionRef(namespace="phones", name="phone-1", uid="0b6b5a3e")

documents = st.builds(
    SessionDocument,
    session=st.builds(
        SessionRef,
        namespace=st.text(min_size=1),
        name=st.text(min_size=1),
        uid=st.text(min_size=1),
    ),
    device=st.none() | st.builds(Device, address=st.text(), pod_name=st.none() | st.text()),
    capture=st.builds(Capture, mode=st.sampled_from(CaptureMode)),
    video=st.builds(
        Video,
        bitrate_bps=st.integers(100_000, 100_000_000),
        max_fps=st.integers(1, 240),
        max_size_px=st.integers(64, 8192),
        key_frame_interval_seconds=st.integers(1, 60),
    ),
    access=st.builds(Access, max_viewers=st.integers(1, 1000)),
)


@given(documents)
def test_a_document_survives_the_wire(document: SessionDocument) -> None:
    assert SessionDocument.parse(document.to_json()) == document


@given(documents, documents)
def test_versions_are_equal_exactly_when_documents_are(
    one: SessionDocument, other: SessionDocument
) -> None:
    assert (one.version() == other.version()) == (one == other)


def test_names_on_the_wire_are_those_of_the_custom_resource() -> None:
    document = SessionDocument(session=REF, device=Device(address="198.18.0.9:5555", pod_uid="u"))
    assert json.loads(document.to_json()) == {
        "schemaVersion": 1,
        "session": {"namespace": "phones", "name": "phone-1", "uid": "0b6b5a3e"},
        "device": {"address": "198.18.0.9:5555", "podUid": "u"},
        "capture": {"mode": "Auto"},
        "video": {
            "codecs": ["H264", "VP8"],
            "encoder": "Passthrough",
            "bitrateBps": 8_000_000,
            "maxFps": 60,
            "maxSizePx": 1280,
            "keyFrameIntervalSeconds": 1,
        },
        "access": {"maxViewers": 32, "control": "Shared"},
    }


def test_an_older_streamer_ignores_fields_it_does_not_know() -> None:
    body = json.loads(SessionDocument(session=REF).to_json())
    body["hologram"] = {"depthPx": 3}
    body["video"]["tiles"] = 4
    assert SessionDocument.parse(json.dumps(body)) == SessionDocument(session=REF)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("video", "maxFps"), 0, "video.maxFps is 0; expected"),
        (("video", "bitrateBps"), "fast", "video.bitrateBps is 'fast'; expected"),
        (("capture", "mode"), "Magic", "capture.mode is 'Magic'; expected"),
        (("schemaVersion",), 2, "schemaVersion is 2; expected"),
        (("session", "uid"), None, "session.uid is None; expected"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_by_field_value_and_expectation(
    path: tuple[str, ...], value: object, expected: str
) -> None:
    body = json.loads(SessionDocument(session=REF).to_json())
    target = body
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    with pytest.raises(InvalidMessage) as refusal:
        SessionDocument.parse(json.dumps(body))
    assert expected in str(refusal.value)


@given(st.binary())
def test_garbage_is_an_invalid_message_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        SessionDocument.parse(data)
