"""The built-in test picture: what is drawn, and what x264 makes of it."""

from collections.abc import Iterable

import pytest

from cloudphone_streamer.bitstream.assembler import AccessUnitAssembler
from cloudphone_streamer.capture.testpattern.clock_strip import strip_row
from cloudphone_streamer.capture.testpattern.encoder import PatternEncoder
from cloudphone_streamer.capture.testpattern.picture import Picture, Planes

WIDTH, HEIGHT, STRIDE, CHROMA_STRIDE = 720, 1280, 736, 368
WHITE, BLACK = 235, 16


@pytest.fixture(scope="module")
def picture() -> Picture:
    return Picture(
        width_px=WIDTH, height_px=HEIGHT, luma_stride=STRIDE, chroma_stride=CHROMA_STRIDE
    )


def draw(picture: Picture, *, time_ms: int = 0, dots: Iterable[tuple[int, int]] = ()) -> Planes:
    planes = Planes(
        luma=memoryview(bytearray(STRIDE * HEIGHT + 64)),
        blue=memoryview(bytearray(CHROMA_STRIDE * HEIGHT // 2 + 64)),
        red=memoryview(bytearray(CHROMA_STRIDE * HEIGHT // 2 + 64)),
        luma_stride=STRIDE,
        chroma_stride=CHROMA_STRIDE,
    )
    picture.draw(planes, time_ms=time_ms, dots=dots)
    return planes


def pixel(planes: Planes, x: int, y: int) -> tuple[int, int, int]:
    chroma = y // 2 * CHROMA_STRIDE + x // 2
    return planes.luma[y * STRIDE + x], planes.blue[chroma], planes.red[chroma]


def cells(row: bytes) -> list[str]:
    return ["1" if row[16 * index + 8] == WHITE else "0" for index in range(44)]


def test_the_clock_strip_is_time_and_checksum_between_markers() -> None:
    # 0x0000017F at 2^32 + 383 ms; checksum 0x80.
    assert "".join(cells(strip_row((1 << 32) + 0x17F))) == (
        "10"
        "00000000 00000000 00000001 01111111"
        "10000000"
        "01"
    ).replace(" ", "")  # fmt: skip


def test_the_clock_strip_fills_the_top_sixteen_rows(picture: Picture) -> None:
    planes = draw(picture, time_ms=0x17F)
    for y in (0, 15):
        row = bytes(planes.luma[y * STRIDE : y * STRIDE + WIDTH])
        assert row[:704] == strip_row(0x17F)
        assert set(row[704:]) == {BLACK}
    assert pixel(planes, 100, 4)[1:] == (128, 128)


def test_the_band_moves_and_the_rest_stays(picture: Picture) -> None:
    first, second = draw(picture), draw(picture, time_ms=100)
    middle = HEIGHT // 2
    row = slice(middle * STRIDE, middle * STRIDE + WIDTH)
    assert bytes(first.luma[row]) != bytes(second.luma[row])
    assert bytes(first.luma[100 * STRIDE : 500 * STRIDE]) == bytes(
        second.luma[100 * STRIDE : 500 * STRIDE]
    )


def test_a_finger_is_a_magenta_dot(picture: Picture) -> None:
    planes = draw(picture, dots=[(300, 900)])
    assert pixel(planes, 300, 900) == (107, 202, 222)
    assert pixel(planes, 300 + 20, 900) == (107, 202, 222)
    assert pixel(planes, 300 + 40, 900) == pixel(draw(picture), 300 + 40, 900)


@pytest.mark.parametrize("dot", [(0, 0), (719, 1279), (0, 1279), (5000, 5000), (719, 640)])
def test_a_finger_at_the_edge_stays_within_the_picture(
    picture: Picture, dot: tuple[int, int]
) -> None:
    planes = draw(picture, dots=[dot])
    untouched = draw(picture)
    for y in range(0, HEIGHT, 7):
        padding = slice(y * STRIDE + WIDTH, (y + 1) * STRIDE)
        assert bytes(planes.luma[padding]) == bytes(untouched.luma[padding])


def test_a_picture_narrower_than_the_strip_has_a_black_bar() -> None:
    narrow = Picture(width_px=360, height_px=640, luma_stride=STRIDE, chroma_stride=CHROMA_STRIDE)
    assert set(draw(narrow).luma[:360]) == {BLACK}


def test_the_encoder_yields_one_access_unit_a_picture_and_a_key_picture_on_request() -> None:
    encoder = PatternEncoder(
        width_px=WIDTH, height_px=HEIGHT, fps=60, bitrate_bps=8_000_000, key_frame_interval_s=1
    )
    picture = Picture(
        width_px=WIDTH,
        height_px=HEIGHT,
        luma_stride=encoder.planes.luma_stride,
        chroma_stride=encoder.planes.chroma_stride,
    )
    assembler = AccessUnitAssembler()
    units = []
    for index in range(60):
        picture.draw(encoder.planes, time_ms=index * 16, dots=())
        data = encoder.encode(pts_us=index * 16_667, key=index == 10)
        unit = assembler.feed(data, pts_us=index * 16_667)
        assert unit is not None
        units.append(unit)
    assert [index for index, unit in enumerate(units) if unit.is_key] == [0, 10]
    assert {(unit.width_px, unit.height_px) for unit in units} == {(WIDTH, HEIGHT)}
    assert assembler.parameters is not None
    assert assembler.parameters.profile_idc == 66
