"""The transcoder alone: real codecs, real threads."""

import asyncio
import threading
from collections.abc import AsyncIterator

import av
import pytest

from cloudphone_protocol.session import VideoCodec
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.encode.encoder import EncodedPicture
from cloudphone_streamer.encode.rungs import LADDERS, Rung
from cloudphone_streamer.encode.transcoder import (
    MAX_WAITING_PICTURES,
    SourcePicture,
    Transcoder,
)
from tests.integration.webrtc.clip import clip
from tests.integration.webrtc.viewer import wait_until

PHONE_PX = (720, 1280)
LOWER = [rung for ladder in LADDERS.values() for rung in ladder if not rung.is_passthrough]
H264_480P, VP8_480P = LOWER[1], LOWER[4]


class Stage:
    def __init__(self) -> None:
        self.pictures: dict[Rung, list[EncodedPicture]] = {rung: [] for rung in LOWER}
        self.transcoder = Transcoder(backlog=[], on_picture=self._take)
        self._ticks = 90_000

    def _take(self, rung: Rung, picture: EncodedPicture) -> None:
        self.pictures[rung].append(picture)

    def feed(self, unit: AccessUnit) -> None:
        self._ticks += 1500
        self.transcoder.feed(SourcePicture(unit=unit, ticks=self._ticks))

    async def play(self, units: tuple[AccessUnit, ...]) -> None:
        for unit in units:
            self.feed(unit)
            await asyncio.sleep(1 / 60)

    def decoded_sizes(self, rung: Rung) -> set[tuple[int, int]]:
        """Sizes of all pictures by a decoder of the rung's codec; each must decode."""
        is_h264 = rung.codec is VideoCodec.H264
        context = av.CodecContext.create("h264" if is_h264 else "vp8", "r")
        assert isinstance(context, av.VideoCodecContext)
        sizes = set()
        for picture in self.pictures[rung]:
            separator = b"\0\0\0\1" if is_h264 else b""
            data = b"".join(separator + part for part in picture.parts)
            sizes |= {(frame.width, frame.height) for frame in context.decode(av.Packet(data))}
        return sizes


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    running = Stage()
    yield running
    running.transcoder.close()
    await wait_until(
        lambda: not any(t.name.startswith("transcode-") for t in threading.enumerate())
    )


async def test_every_rung_is_what_the_table_says(stage: Stage) -> None:
    for rung in LOWER:
        stage.transcoder.add(rung)
    await stage.play(clip(0.5, size_px=PHONE_PX, gop=30))
    await wait_until(lambda: all(len(pictures) > 2 for pictures in stage.pictures.values()))
    for rung, pictures in stage.pictures.items():
        assert max(*stage.decoded_sizes(rung).pop()) == rung.max_side_px
        assert pictures[0].is_key
        ticks = [picture.ticks for picture in pictures]
        assert ticks == sorted(set(ticks))
        # 30 pictures of the phone came, of which at most every second one is encoded.
        assert len(pictures) <= 20


async def test_key_frames_are_made_on_request_also_of_a_still_screen(stage: Stage) -> None:
    stage.transcoder.add(VP8_480P)
    await stage.play(clip(0.2, size_px=PHONE_PX, gop=30)[:8])
    pictures = stage.pictures[VP8_480P]
    await wait_until(lambda: bool(pictures))
    await asyncio.sleep(0.2)
    before = len(pictures)
    for _ in range(5):
        stage.transcoder.request_key_frame(VP8_480P)
    await wait_until(lambda: len(pictures) > before)
    assert pictures[before].is_key
    assert pictures[before].ticks > pictures[before - 1].ticks
    await asyncio.sleep(0.6)
    assert len(pictures) == before + 1, "requests that come together make one key frame"


async def test_after_a_hole_nothing_is_shown_until_a_key_frame(stage: Stage) -> None:
    units = clip(1.0, size_px=PHONE_PX, gop=30)
    stage.transcoder.add(H264_480P)
    # Faster than anything is decoded: the queue overflows before the second key frame is in it.
    for unit in (*units[:30], *units[1:30] * 3):
        stage.feed(unit)
    shown = len(stage.pictures[H264_480P])
    await asyncio.sleep(0.5)
    overflowed = len(stage.pictures[H264_480P]) - shown
    assert overflowed <= MAX_WAITING_PICTURES
    await stage.play(units[30:])
    await wait_until(lambda: len(stage.pictures[H264_480P]) > shown + overflowed)
    assert stage.decoded_sizes(H264_480P) == {(480, 854)}


async def test_broken_pictures_end_nothing(stage: Stage) -> None:
    units = clip(1.0, size_px=PHONE_PX, gop=30)
    stage.transcoder.add(H264_480P)
    for unit in units[:10]:
        broken = tuple(nal[: len(nal) // 3] + b"\xff" * 9 for nal in unit.nals)
        stage.feed(AccessUnit(nals=broken, pts_us=0, is_key=True, width_px=720, height_px=1280))
    stage.feed(AccessUnit(nals=(b"\x65",), pts_us=0, is_key=True, width_px=720, height_px=1280))
    before = len(stage.pictures[H264_480P])
    await stage.play(units[30:])
    await wait_until(lambda: len(stage.pictures[H264_480P]) > before + 5)


async def test_a_picture_of_absurd_size_is_not_decoded(stage: Stage) -> None:
    stage.transcoder.add(H264_480P)
    for unit in clip(0.2, size_px=PHONE_PX, gop=30):
        stage.feed(
            AccessUnit(
                nals=unit.nals, pts_us=0, is_key=unit.is_key, width_px=16_384, height_px=16_384
            )
        )
    await asyncio.sleep(0.3)
    assert stage.pictures[H264_480P] == []
