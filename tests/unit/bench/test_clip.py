"""The clip's file, and the time in its pictures."""

import time
from pathlib import Path

from bench import clip
from cloudphone_streamer.bitstream.nal import NalType, nal_type, split_annex_b

PICTURE = b"\0\0\0\1\x41picture"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    clip.write(path, [PICTURE, b"\0\0\0\1\x65key"])
    assert clip.read(path) == [PICTURE, b"\0\0\0\1\x65key"]


def test_a_stamp_is_one_sei_message_in_front_of_the_picture() -> None:
    before_ns = time.time_ns()
    sei, picture = split_annex_b(clip.stamped(PICTURE))
    assert picture == b"\x41picture"
    assert nal_type(sei) == NalType.SEI
    assert sei[1] == 5  # payload type: unregistered user data
    assert (
        sei[2] == len(sei) - 4
    )  # payload size: header, type, size and trailing bits are not in it
    assert before_ns <= int(sei[-17:-1], 16) <= time.time_ns()
