from pathlib import Path
from typing import Any

import pytest

from cloudphone_protocol.session import (
    Access,
    Capture,
    CaptureMode,
    ControlPolicy,
    Device,
    Reports,
    SessionDocument,
    SessionRef,
    Video,
    VideoCodec,
)
from cloudphone_streamer.errors import SettingsError
from cloudphone_streamer.session import Change, SessionFiles, change_between

DOCUMENT = SessionDocument(
    session=SessionRef(namespace="phones", name="phone-1", uid="u-1"),
    device=Device(address="10.0.0.7:5555", pod_name="redroid-1", pod_uid="p-1"),
)


@pytest.mark.parametrize(
    ("update", "change"),
    [
        pytest.param({}, Change.NOTHING, id="the same document changes nothing"),
        pytest.param(
            {"access": Access(max_viewers=1, control=ControlPolicy.EXCLUSIVE)},
            Change.LIMITS,
            id="limits leave the picture alone",
        ),
        pytest.param(
            {"reports": Reports(url="http://198.19.0.7:8081")},
            Change.LIMITS,
            id="another operator leaves the picture alone",
        ),
        pytest.param(
            {"video": Video(codecs=(VideoCodec.H264,))},
            Change.LIMITS,
            id="codecs are those of later offers",
        ),
        pytest.param(
            {"video": Video(max_fps=30)}, Change.CAPTURE, id="a frame rate needs a new capture"
        ),
        pytest.param(
            {"capture": Capture(mode=CaptureMode.SCRCPY)},
            Change.CAPTURE,
            id="a mode needs a new capture",
        ),
        pytest.param(
            {"device": Device(address="10.0.0.8:5555", pod_name="redroid-1", pod_uid="p-1")},
            Change.CAPTURE,
            id="a phone elsewhere needs a new capture",
        ),
        pytest.param(
            {"device": Device(address="10.0.0.7:5555", pod_name="redroid-1", pod_uid="p-2")},
            Change.CAPTURE,
            id="another pod at the old address is another phone",
        ),
    ],
)
def test_a_new_document_changes_what_it_must(update: dict[str, Any], change: Change) -> None:
    assert change_between(DOCUMENT, DOCUMENT.model_copy(update=update)) is change


def _write(directory: Path, **files: str) -> SessionFiles:
    names = {"document": "session.json", "ticket_key": "ticket-key", "credential": "credential"}
    for key, text in files.items():
        (directory / names[key]).write_text(text)
    return SessionFiles(directory)


def test_the_files_of_the_secret_are_read(tmp_path: Path) -> None:
    files = _write(
        tmp_path, document=DOCUMENT.to_json(), ticket_key="ab" * 32 + "\n", credential="cd" * 32
    )
    assert files.document() == DOCUMENT
    assert files.ticket_key() == b"\xab" * 32
    assert files.credential() == "cd" * 32


def test_a_key_made_anew_counts_at_the_next_use(tmp_path: Path) -> None:
    files = _write(tmp_path, ticket_key="ab" * 32)
    files.ticket_key()
    _write(tmp_path, ticket_key="ef" * 32)
    assert files.ticket_key() == b"\xef" * 32


def test_a_missing_file_is_named_with_the_folder_s_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"session\.json cannot be read .*SESSION_DIR"):
        SessionFiles(tmp_path).document()


def test_a_document_that_does_not_fit_names_file_and_field(tmp_path: Path) -> None:
    files = _write(tmp_path, document='{"session": {"namespace": "n", "name": "m"}}')
    with pytest.raises(SettingsError, match=r"session\.json: session\.uid"):
        files.document()


def test_a_wrong_key_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    files = _write(tmp_path, ticket_key="secret-text")
    with pytest.raises(SettingsError, match="ticket-key has 11 characters") as caught:
        files.ticket_key()
    assert "secret-text" not in str(caught.value)
