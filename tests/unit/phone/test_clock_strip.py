import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.phone.display.clock_strip import CELL_PX, strip_cells
from dev.phone.display.planes import Planes
from dev.phone.display.screen import Screen
from dev.phone.geometry import Size, video_size
from tests.support.clock_strip import find_dots, read_clock_strip


def picture_of(cells: list[bool]) -> npt.NDArray[np.uint8]:
    row = np.repeat(np.where(cells, 235, 16), CELL_PX).astype(np.uint8)
    return np.tile(row, (CELL_PX, 1))


def test_the_strip_of_a_known_time_has_these_cells() -> None:
    cells = "".join("W" if cell else "b" for cell in strip_cells(0x01_02_80_FF))
    assert cells == (
        "Wb"  # frame
        "bbbbbbbW"  # 0x01
        "bbbbbbWb"  # 0x02
        "Wbbbbbbb"  # 0x80
        "WWWWWWWW"  # 0xff
        "WbbbbbWb"  # 0x01 + 0x02 + 0x80 + 0xff = 0x182, modulo 256
        "bW"  # frame
    )


@given(st.integers(0, 2**48))
def test_a_time_is_read_as_it_was_written_modulo_2_32(unix_ms: int) -> None:
    assert read_clock_strip(picture_of(strip_cells(unix_ms))) == unix_ms % 2**32


@given(st.integers(0, 2**32 - 1), st.integers(2, 41))
def test_one_wrong_cell_is_noticed(unix_ms: int, wrong: int) -> None:
    cells = strip_cells(unix_ms)
    cells[wrong] = not cells[wrong]
    assert read_clock_strip(picture_of(cells)) is None


@pytest.mark.parametrize("max_size", [0, 1280, 1024, 800, 640])
@pytest.mark.parametrize("display", [Size(720, 1280), Size(1280, 720), Size(1080, 1920)])
def test_the_strip_is_readable_in_every_size_and_orientation(display: Size, max_size: int) -> None:
    video = video_size(display, max_size)
    planes = Planes.blank(video)
    Screen(display, planes).draw_clock(1_700_000_000_123)
    scale = max(video.width_px, video.height_px) / max(display.width_px, display.height_px)
    assert read_clock_strip(planes.y, scale) == 1_700_000_000_123 % 2**32


def test_a_picture_without_a_strip_has_no_time() -> None:
    assert read_clock_strip(np.zeros((720, 1280), np.uint8)) is None
    assert read_clock_strip(np.full((720, 1280), 255, np.uint8)) is None
    assert read_clock_strip(np.zeros((4, 4), np.uint8)) is None


def test_dots_are_found_where_they_are_and_apart() -> None:
    rgb = np.full((200, 300, 3), 40, np.uint8)
    rgb[40:60, 30:50] = (250, 10, 240)
    rgb[100:120, 200:220] = (230, 30, 250)
    rgb[5:8, 5:8] = (255, 0, 255)  # a speck, as from noise
    assert find_dots(rgb) == [(40, 50), (210, 110)]
