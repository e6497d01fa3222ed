"""npm's @yume-chan/scrcpy, written by others for real phones, plays the simulated one."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.phone.pictures import Picture, decode
from tests.integration.phone.simulated_phone import PhoneHandle
from tests.support.clock_strip import find_dots, read_clock_strip

H264 = 0x68323634
TIMEOUT_S = 60
# The phone takes 150 to 500 ms; what is beyond is the way there and a loaded machine.
RESET_MS = range(140, 1500)


class Session:
    """What one run of the witness told and received."""

    def __init__(self, output: str, stream: bytes) -> None:
        self.events: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
        self.pictures: list[Picture] = list(decode(stream))

    def the(self, event: str) -> dict[str, Any]:
        [found] = [one for one in self.events if one["event"] == event]
        return found

    def after(self, event: str, following: str) -> dict[str, Any]:
        start = self.events.index(self.the(event))
        return next(one for one in self.events[start:] if one["event"] == following)


@pytest.fixture(scope="module", params=["forward", "reverse"])
def session(
    request: pytest.FixtureRequest,
    phone: PhoneHandle,
    witness: Path,
    server_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Session:
    stream = tmp_path_factory.mktemp("witness") / "stream.h264"
    command = ["node", str(witness), phone.host, str(phone.port), str(server_file)]
    done = subprocess.run(
        [*command, request.param, str(stream)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Session(done.stdout, stream.read_bytes())


def test_it_reads_the_name_the_codec_and_the_size(session: Session) -> None:
    metadata = session.the("metadata")
    assert (metadata["deviceName"], metadata["codec"]) == ("Simulated Phone", H264)
    first = session.pictures[0]
    assert (metadata["width"], metadata["height"]) == first.size
    assert session.the("audio")["type"] == "disabled"


def test_every_picture_decodes_and_time_goes_forward(session: Session) -> None:
    scales = [max(picture.size) / 1280 for picture in session.pictures]
    times = [
        read_clock_strip(picture.luma, scale)
        for picture, scale in zip(session.pictures, scales, strict=True)
    ]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]
    assert len(times) > 90


def test_a_touch_is_a_dot_and_one_of_another_size_is_ignored(session: Session) -> None:
    dots = [find_dots(picture.rgb) for picture in session.pictures]
    seen = [dot for frame in dots for dot in frame]
    assert len(seen) > 15
    assert all(abs(x - 360) <= 3 and abs(y - 700) <= 45 for x, y in seen), set(seen)
    assert dots[-1] == []


def test_the_clipboard_is_acknowledged_and_comes_back(session: Session) -> None:
    session.the("clipboard acknowledged")
    assert session.the("clipboard")["text"].endswith("typed 你好 clipboard")


def test_a_reset_gives_a_new_configuration_and_a_key_frame(session: Session) -> None:
    configuration = session.after("reset", "configuration")
    assert int(configuration["atMs"] - session.the("reset")["atMs"]) in RESET_MS
    key_frame = session.events[session.events.index(configuration) + 1]
    assert key_frame["event"] == "keyframe"


def test_a_rotation_gives_a_configuration_of_the_other_size(session: Session) -> None:
    before, after = session.the("metadata"), session.after("rotate", "configuration")
    assert (after["width"], after["height"]) == (before["height"], before["width"])
    assert session.pictures[-1].size == (after["width"], after["height"])


def test_key_frames_come_every_second(session: Session) -> None:
    times = [int(one["pts"]) for one in session.events if one["event"] == "keyframe"]
    assert all(later - earlier < 1_300_000 for earlier, later in pairwise(times))
