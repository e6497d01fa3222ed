"""
The session document: everything that a streamer is told and that may change in its life.

The operator writes it into the session's Secret, which the pod mounts as a file, and pushes each
new version to the running streamer. Phone replacement, live change and restart are this one path.
It holds no secret, so it may be logged; keys lie beside it in files of their own
(see `environment`).
"""

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from cloudphone_protocol.model import Message


class CaptureMode(StrEnum):
    """How the screen is captured; `AUTO` lets the streamer choose the best that works."""

    AUTO = "Auto"
    SCRCPY = "Scrcpy"
    SCREENRECORD = "Screenrecord"
    SCREENCAP = "Screencap"
    TEST_PATTERN = "TestPattern"


class Encoder(StrEnum):
    """Who encodes: the phone (`PASSTHROUGH`), or the streamer with the named encoder."""

    PASSTHROUGH = "Passthrough"
    AUTO = "Auto"
    NVENC = "Nvenc"
    QSV = "Qsv"
    VAAPI = "Vaapi"
    X264 = "X264"
    VPX = "Vpx"


class VideoCodec(StrEnum):
    """A codec offered to viewers, in order of preference."""

    H264 = "H264"
    VP8 = "VP8"


class ControlPolicy(StrEnum):
    """Whether several viewers may touch the phone at once."""

    SHARED = "Shared"
    EXCLUSIVE = "Exclusive"


class SessionRef(Message):
    """Which StreamSession this is; `uid` tells a session from its namesake made later."""

    namespace: str
    name: str
    uid: str


class Device(Message):
    """The phone to capture."""

    address: str
    """ADB address, `host:port` with an IP literal, IPv6 in brackets."""
    pod_name: str | None = None
    pod_uid: str | None = None
    """Uid of the phone's pod: a new uid at an old address is another phone."""


class Capture(Message):
    """How to capture the screen."""

    mode: CaptureMode = CaptureMode.AUTO


class Video(Message):
    """How the picture is encoded."""

    codecs: tuple[VideoCodec, ...] = (VideoCodec.H264, VideoCodec.VP8)
    encoder: Encoder = Encoder.PASSTHROUGH
    bitrate_bps: Annotated[int, Field(ge=100_000, le=100_000_000)] = 8_000_000
    max_fps: Annotated[int, Field(ge=1, le=240)] = 60
    max_size_px: Annotated[int, Field(ge=64, le=8192)] = 1280
    """Limit of the longer side."""
    key_frame_interval_seconds: Annotated[int, Field(ge=1, le=60)] = 1


class Access(Message):
    """Who may do what; permissions of one viewer are in its ticket."""

    max_viewers: Annotated[int, Field(ge=1, le=1000)] = 32
    control: ControlPolicy = ControlPolicy.SHARED


class Reports(Message):
    """Where the streamer reports to; absent on a machine without an operator."""

    url: str
    """Base URL of the operator's reports endpoint, e.g. `http://198.19.0.7:8081`."""


class SessionDocument(Message):
    """One session as the streamer runs it."""

    schema_version: Literal[1] = 1
    session: SessionRef
    device: Device | None = None
    """Absent for `CaptureMode.TEST_PATTERN` only."""
    capture: Capture = Capture()
    video: Video = Video()
    access: Access = Access()
    reports: Reports | None = None

    def version(self) -> str:
        """
        Name of this content: equal documents have equal versions, whoever computes them.

        A hash rather than a counter: a counter would be state that the API server lacks after a
        backup is restored. 16 hex digits.
        """
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]
