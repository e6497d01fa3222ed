"""What a shell of the real adbd finds on the phone."""

import struct
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.phone.adb_program import AdbProgram
from tests.integration.phone.pictures import decode
from tests.support.clock_strip import find_dots, read_clock_strip

SERVER = "/data/local/tmp/scrcpy-server.jar"
START = f"CLASSPATH={SERVER} app_process / com.genymobile.scrcpy.Server"


def age_ms(drawn_ms: int | None) -> int:
    assert drawn_ms is not None
    return (time.time_ns() // 1_000_000 - drawn_ms) % 2**32


def test_the_phone_has_booted_and_tells_what_it_is(adb: AdbProgram) -> None:
    assert adb.out("getprop sys.boot_completed") == "1"
    assert adb.out("getprop ro.build.version.sdk") == "33"
    assert adb.out("getprop no.such.property fallback") == "fallback"
    assert "[ro.product.model]: [Simulated Phone]" in adb.out("getprop").splitlines()
    assert adb.out("wm size") == "Physical size: 720x1280"


def test_a_property_is_set_and_a_read_only_one_only_once(adb: AdbProgram) -> None:
    assert adb.shell("setprop ro.test 1 && setprop debug.test 2").returncode == 0
    assert adb.out("getprop ro.test; getprop debug.test").split() == ["1", "2"]
    refused = adb.shell("setprop ro.test 3")
    assert (refused.returncode, refused.stderr) == (
        1,
        b"Failed to set property 'ro.test' to '3'.\n",
    )


def test_a_screenshot_shows_the_time_of_its_drawing(adb: AdbProgram) -> None:
    [picture] = decode(adb.exec_out("screencap -p"), "png_pipe")
    assert picture.size == (720, 1280)
    assert 0 <= age_ms(read_clock_strip(picture.luma)) < 2000


def test_a_raw_screenshot_has_androids_header(adb: AdbProgram) -> None:
    data = adb.exec_out("screencap")
    assert struct.unpack("<4I", data[:16]) == (720, 1280, 1, 1)
    assert len(data) == 16 + 720 * 1280 * 4


def test_a_recording_has_every_frame_and_one_configuration(adb: AdbProgram) -> None:
    data = adb.exec_out("screenrecord --output-format=h264 --bit-rate 4M --time-limit 2 -")
    # SPS (7) once, at the start.
    assert data.startswith(b"\0\0\0\1\x67")
    assert data.count(b"\0\0\0\1\x67") == 1
    times = [read_clock_strip(picture.luma) for picture in decode(data)]
    assert 100 <= len(times) <= 122
    assert all(a < b for a, b in pairwise(times))  # type: ignore[operator]


def test_a_swipe_is_a_dot_that_moves_and_goes(adb: AdbProgram) -> None:
    record = "screenrecord --output-format=h264 --time-limit 2 -"
    data = adb.exec_out(f"(sleep 0.7; input swipe 100 600 500 1000 500) & {record}")
    dots = [find_dots(picture.rgb) for picture in decode(data)]
    path = [dot for [dot] in filter(None, dots)]
    assert len(path) > 15
    assert abs(path[0][0] - 100) < 60
    assert abs(path[-1][0] - 500) < 10
    assert abs(path[-1][1] - 1000) < 10
    assert dots[-1] == []


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        pytest.param(f"{START} 3.3.4", 134, b"ClassNotFoundException", id="no server file"),
        pytest.param("screenrecord --output-format=mp4 -", 2, b"h264", id="format"),
        pytest.param("screenrecord --output-format=h264 --time-limit 181 -", 2, b"181", id="time"),
        pytest.param("input tap here", 1, b"usage: input", id="input"),
        pytest.param("wm rotate", 1, b"usage: wm", id="wm"),
    ],
)
def test_a_wrong_command_fails_with_a_reason(
    adb: AdbProgram, command: str, status: int, message: bytes
) -> None:
    done = adb.shell(command)
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr


def test_a_server_of_another_version_refuses_its_client(adb: AdbProgram, server_file: Path) -> None:
    adb.push(server_file, SERVER)
    done = adb.shell(f"{START} 3.3.3 tunnel_forward=true")
    assert done.returncode == 1
    assert b"does not match the client (3.3.3)" in done.stderr
    # The genuine server, too, removes itself only after it has read its options.
    assert adb.shell(f"test -f {SERVER}").returncode == 0


def test_a_server_lists_its_encoder_for_the_client(adb: AdbProgram, server_file: Path) -> None:
    adb.push(server_file, SERVER)
    listed = adb.out(f"{START} 3.3.4 list_encoders=true list_displays=true")
    assert "--video-codec=h264 --video-encoder=c2.android.avc.encoder" in listed
    assert "--display-id=0    (720x1280)" in listed


def test_a_file_that_is_no_server_is_not_started(adb: AdbProgram, tmp_path: Path) -> None:
    text = tmp_path / "server.jar"
    text.write_text("not an archive")
    adb.push(text, SERVER)
    assert adb.shell(f"{START} 3.3.4").returncode == 134
