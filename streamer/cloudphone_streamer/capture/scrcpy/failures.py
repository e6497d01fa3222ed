"""What errors of the phone and its server mean to people; pure."""

from cloudphone_streamer.adb import errors as adb
from cloudphone_streamer.bitstream.errors import BitstreamError
from cloudphone_streamer.capture.errors import CaptureFailure
from cloudphone_streamer.errors import StreamerError

_MAX_LINES = 4
_MAX_TEXT_CHARACTERS = 400

_REASONS: tuple[tuple[type[StreamerError], str, bool], ...] = (
    (adb.AdbUnreachable, "DeviceUnreachable", False),
    (adb.AdbUnauthorized, "AdbUnauthorized", True),
    (adb.AdbTlsRequired, "AdbTlsRequired", True),
    (adb.AdbConnectionLost, "DeviceConnectionLost", False),
    (adb.AdbServiceRefused, "AdbServiceRefused", False),
    (adb.AdbSyncFailed, "ScrcpyServerNotPushed", False),
    (adb.AdbStreamClosed, "ScrcpyServerEnded", False),
    (adb.AdbProtocolViolation, "AdbProtocolViolation", False),
)
"""Error, reason, and whether a person has to mend it."""

_WITHOUT_ENCODER = "Could not create default video encoder"
"""What `SurfaceEncoder.createMediaCodec` of scrcpy logs."""


def to_failure(error: StreamerError) -> CaptureFailure:
    """The reason that goes with an error."""
    if isinstance(error, CaptureFailure):
        return error
    if isinstance(error, BitstreamError):
        return CaptureFailure(
            "BitstreamInvalid",
            f"the phone's encoder yields no valid H.264: {error}; "
            "check the encoder of the Android image",
            needs_person=False,
        )
    for kind, reason, needs_person in _REASONS:
        if isinstance(error, kind):
            return CaptureFailure(reason, str(error), needs_person=needs_person)
    return CaptureFailure("CaptureFailed", str(error), needs_person=False)


def server_failure(output: str, exit_status: int | None) -> CaptureFailure:
    """
    Why the server on the phone has ended.

    Args:
        output: Its latest output; not to be trusted.
        exit_status: Its exit status, if known.
    """
    text = clean_output(output)
    if _WITHOUT_ENCODER in output:
        return CaptureFailure(
            "DeviceWithoutEncoder",
            "the phone has no H.264 encoder; expected an Android image with one "
            f"(images without 32-bit support may lack it); the scrcpy server said: {text}",
            needs_person=True,
        )
    ended = "ended" if exit_status is None else f"ended with status {exit_status}"
    said = f"it said: {text}" if text else "it said nothing"
    return CaptureFailure(
        "ScrcpyServerFailed", f"the scrcpy server on the phone {ended}; {said}", needs_person=False
    )


def clean_output(output: str) -> str:
    """
    The last lines of a phone's output as one short line without control characters.

    It goes into logs and into the status of a StreamSession.
    """
    lines = [
        "".join(character if character.isprintable() else " " for character in line).strip()
        for line in output.splitlines()
    ]
    return " | ".join([line for line in lines if line][-_MAX_LINES:])[-_MAX_TEXT_CHARACTERS:]
