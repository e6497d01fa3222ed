"""Which capture a session document asks for."""

from pathlib import Path

from cloudphone_protocol.session import CaptureMode, SessionDocument
from cloudphone_streamer.adb.keys import AdbKey
from cloudphone_streamer.capture.scrcpy.capture import ScrcpyCapture, ScrcpySettings
from cloudphone_streamer.capture.source import Capture
from cloudphone_streamer.capture.testpattern.capture import PatternCapture
from cloudphone_streamer.capture.unavailable import UnavailableCapture


def make_capture(
    document: SessionDocument,
    *,
    scrcpy_server_path: Path,
    connect_timeout_s: float,
    command_timeout_s: float,
    adb_key: AdbKey | None,
) -> Capture:
    """
    Build the capture of a session; nothing happens before its `run`.

    Args:
        document: The session; one that this version cannot serve yields a capture that reports
            why.
        scrcpy_server_path: The file scrcpy-server-v3.3.4.
        connect_timeout_s: Limit for connecting to a phone, authentication included.
        command_timeout_s: Limit for a short command on a phone, and for pushing the server.
        adb_key: Our key, for phones that ask for one.
    """
    mode = document.capture.mode
    match mode:
        case CaptureMode.TEST_PATTERN:
            return PatternCapture(video=document.video)
        case CaptureMode.AUTO | CaptureMode.SCRCPY if document.device is not None:
            settings = ScrcpySettings(
                server_path=scrcpy_server_path,
                adb_key=adb_key,
                connect_timeout_s=connect_timeout_s,
                command_timeout_s=command_timeout_s,
            )
            return ScrcpyCapture(
                address=document.device.address, video=document.video, settings=settings
            )
        case CaptureMode.AUTO | CaptureMode.SCRCPY:
            return UnavailableCapture(
                mode,
                reason="DeviceMissing",
                message=f"device is absent; expected one with capture mode {mode}",
            )
        case CaptureMode.SCREENRECORD | CaptureMode.SCREENCAP:
            return UnavailableCapture(
                mode,
                reason="CaptureModeNotAvailable",
                message=f"capture.mode is {mode}; expected Auto, Scrcpy or TestPattern: "
                "this version has no other mode",
            )
