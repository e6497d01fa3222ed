"""What scrcpy's server sends, how it is started, and what its end means to people."""

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_protocol.session import Video
from cloudphone_streamer.adb import errors as adb_errors
from cloudphone_streamer.bitstream.errors import BitstreamError
from cloudphone_streamer.capture.errors import CaptureFailure
from cloudphone_streamer.capture.scrcpy.failures import clean_output, server_failure, to_failure
from cloudphone_streamer.capture.scrcpy.jar import ServerJar
from cloudphone_streamer.capture.scrcpy.options import ServerOptions
from cloudphone_streamer.capture.scrcpy.video import MAX_PACKET_BYTES, VideoDemuxer, VideoPacket
from cloudphone_streamer.errors import StreamerError

PREAMBLE = (
    b"\0"  # somebody listens
    + b"redroid".ljust(64, b"\0")  # device
    + b"h264"
    + bytes.fromhex("000002d0 00000500")  # 720x1280
)
CONFIG = bytes.fromhex(
    "8000000000000000"  # parameter sets
    "00000004"  # 4 bytes
    "00000001"
)
KEY_FRAME = bytes.fromhex(
    "40000000000f4240"  # key frame, 1 s
    "00000005"  # 5 bytes
    "0000000165"
)
FRAME = bytes.fromhex(
    "00000000000f8292"  # 1.01669 s
    "00000005"  # 5 bytes
    "0000000141"
)
PACKETS = [
    VideoPacket(data=b"\0\0\0\1", pts_us=0),
    VideoPacket(data=b"\0\0\0\1\x65", pts_us=1_000_000),
    VideoPacket(data=b"\0\0\0\1\x41", pts_us=1_016_466),
]


@given(piece=st.integers(1, 140))
def test_the_video_socket_is_cut_into_packets_from_any_fragmentation(piece: int) -> None:
    data = PREAMBLE + CONFIG + KEY_FRAME + FRAME
    demuxer = VideoDemuxer()
    packets = []
    for start in range(0, len(data), piece):
        packets += demuxer.feed(data[start : start + piece])
    assert packets == PACKETS


def test_a_packet_is_yielded_with_its_last_byte() -> None:
    demuxer = VideoDemuxer()
    assert demuxer.feed(PREAMBLE + FRAME[:-1]) == []
    assert demuxer.feed(FRAME[-1:]) == PACKETS[2:]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(
            PREAMBLE[:65] + bytes(4), "check that the Android image has one", id="disabled"
        ),
        pytest.param(
            PREAMBLE[:65] + b"\0\0\0\1", "check that the Android image has one", id="failed"
        ),
        pytest.param(PREAMBLE[:65] + b"h265", "codec is 0x68323635; expected h264", id="H.265"),
        pytest.param(
            PREAMBLE + struct.pack(">QI", 0, MAX_PACKET_BYTES + 1),
            f"video packet is {MAX_PACKET_BYTES + 1} bytes; expected 1..{MAX_PACKET_BYTES}",
            id="a packet to exhaust memory",
        ),
        pytest.param(
            PREAMBLE + struct.pack(">QI", 0, 0), "video packet is 0 bytes", id="an empty packet"
        ),
    ],
)
def test_a_server_that_does_not_fit_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(CaptureFailure) as error:
        VideoDemuxer().feed(data)
    assert error.value.reason == "ScrcpyServerFailed"
    assert text in error.value.message


@given(st.binary(max_size=400))
def test_a_hostile_server_is_refused_and_nothing_worse(data: bytes) -> None:
    demuxer = VideoDemuxer()
    with contextlib.suppress(CaptureFailure):
        demuxer.feed(PREAMBLE + data)


def test_the_server_is_started_with_what_the_document_asks_for() -> None:
    video = Video(bitrate_bps=4_000_000, max_fps=30, max_size_px=1024, key_frame_interval_seconds=2)
    options = ServerOptions.from_video(video, scid=0xABC)
    assert options.socket_name == "scrcpy_00000abc"
    assert options.to_command("/data/x.jar") == (
        "export CLASSPATH=/data/x.jar; exec app_process / com.genymobile.scrcpy.Server 3.3.4 "
        "scid=00000abc log_level=info tunnel_forward=true audio=false max_size=1024 max_fps=30 "
        "video_bit_rate=4000000 video_codec_options=i-frame-interval=2 clipboard_autosync=false "
        "cleanup=false"
    )


def test_a_phone_without_an_encoder_is_told_from_other_ends() -> None:
    failure = server_failure(
        "[server] INFO: Device: [x] y (Android 12)\n"
        "[server] ERROR: Could not create default video encoder for h264\n",
        1,
    )
    assert failure.reason == "DeviceWithoutEncoder"
    assert failure.needs_person


def test_the_end_of_a_server_is_told_with_its_last_words() -> None:
    failure = server_failure("[server] ERROR: Exception on thread\r\n\x1b[31m\tat x\n", 1)
    assert failure.reason == "ScrcpyServerFailed"
    assert failure.message == (
        "the scrcpy server on the phone ended with status 1; "
        "it said: [server] ERROR: Exception on thread | [31m at x"
    )


@given(st.text(max_size=3000))
def test_a_phones_words_become_one_short_printable_line(output: str) -> None:
    line = clean_output(output)
    assert len(line) <= 400
    assert line.isprintable()


def test_a_picture_that_cannot_be_read_is_put_down_to_the_phone_s_encoder() -> None:
    failure = to_failure(BitstreamError("header ends 1 bits early"))
    assert failure.reason == "BitstreamInvalid"
    assert failure.message.startswith("the phone's encoder yields no valid H.264: header ends")


@pytest.mark.parametrize(
    ("error", "reason", "needs_person"),
    [
        (adb_errors.AdbUnreachable("x"), "DeviceUnreachable", False),
        (adb_errors.AdbUnauthorized("x"), "AdbUnauthorized", True),
        (adb_errors.AdbTlsRequired("x"), "AdbTlsRequired", True),
        (adb_errors.AdbConnectionLost("x"), "DeviceConnectionLost", False),
    ],
)
def test_each_error_has_a_reason(error: StreamerError, reason: str, needs_person: bool) -> None:
    failure = to_failure(error)
    assert (failure.reason, failure.message) == (reason, "x")
    assert failure.needs_person is needs_person


@pytest.mark.parametrize(
    ("content", "reason", "text"),
    [
        pytest.param(None, "ScrcpyServerMissing", "No such file or directory", id="no file"),
        pytest.param(b"PK", "ScrcpyServerChecksum", "has SHA-256 fcab7fcc2b4", id="another file"),
    ],
)
def test_a_server_file_that_is_not_the_genuine_one_is_never_pushed(
    tmp_path: Path, content: bytes | None, reason: str, text: str
) -> None:
    path = tmp_path / "scrcpy-server"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CaptureFailure) as error:
        ServerJar.load(path)
    assert error.value.reason == reason
    assert text in error.value.message
    assert str(path) in error.value.message
