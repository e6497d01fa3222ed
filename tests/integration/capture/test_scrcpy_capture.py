"""Capture of a phone by scrcpy, over the real ADB daemon."""

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from cloudphone_protocol.channel import Key, KeyAction, Rotate, Touch, TouchAction
from cloudphone_protocol.reports import CaptureState
from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.shell import Command
from cloudphone_streamer.capture.scrcpy.jar import DEVICE_PATH
from tests.integration.capture.listener import Capturing, scrcpy_capture
from tests.integration.capture.relay import Relay
from tests.integration.phone.simulated_phone import PhoneHandle
from tests.support.clock_strip import find_dots, read_clock_strip

PICTURE_PX = (720, 1280)


def finger(action: TouchAction, x: int, y: int) -> Touch:
    width, height = PICTURE_PX
    return Touch(type="touch", action=action, pointer=0, x=x, y=y, width=width, height=height)


async def on_phone(adb: AdbConnection, command: str) -> str:
    running = await Command.start(adb, command, output_limit_bytes=100_000)
    async with asyncio.timeout(20):
        await running.ended.wait()
    return running.output


async def servers(adb: AdbConnection) -> list[str]:
    """Process ids of the scrcpy servers on the phone."""
    output = await on_phone(adb, "grep -l scrcpy[.]Server /proc/[0-9]*/cmdline 2>/dev/null")
    return [line.split("/")[2] for line in output.split()]


async def no_server_left(adb: AdbConnection) -> None:
    async with asyncio.timeout(10):
        while await servers(adb):
            await asyncio.sleep(0.05)


@pytest.fixture
def address(phone: PhoneHandle) -> str:
    return f"{phone.host}:{phone.port}"


async def test_pictures_are_young_and_begin_with_a_key_picture(
    address: str, server_path: Path, capturing: Capturing
) -> None:
    capturing.start(scrcpy_capture(address, server_path))
    report = await capturing.until_state(CaptureState.RUNNING)
    await capturing.pictures(100)
    assert (report.width_px, report.height_px) == PICTURE_PX
    assert [state.state for state in capturing.reports] == [
        CaptureState.STARTING,
        CaptureState.RUNNING,
    ]
    first = capturing.units[0]
    assert first.is_key
    assert [nal[0] & 0x1F for nal in first.nals][:2] == [7, 8]
    times = [unit.pts_us for unit in capturing.units]
    assert times == sorted(set(times))
    now_ms = int(time.time() * 1000) % (1 << 32)
    drawn_ms = read_clock_strip(capturing.last_picture()[..., 1])
    assert drawn_ms is not None
    assert now_ms - drawn_ms < 1000


async def test_the_server_file_is_pushed_once(
    address: str, server_path: Path, capturing: Capturing, adb: AdbConnection
) -> None:
    await on_phone(adb, f"rm -f {DEVICE_PATH}*")
    capturing.start(scrcpy_capture(address, server_path))
    await capturing.pictures(1)
    first = await on_phone(adb, f"stat -c '%i %s %a' {DEVICE_PATH}*")
    await capturing.stop()
    assert first.split()[1:] == ["90980", "444"]
    capturing.start(scrcpy_capture(address, server_path))
    await capturing.pictures(1)
    assert await on_phone(adb, f"stat -c '%i %s %a' {DEVICE_PATH}*") == first


async def test_a_server_file_that_was_damaged_on_the_phone_is_pushed_again(
    address: str, server_path: Path, capturing: Capturing, adb: AdbConnection
) -> None:
    await on_phone(adb, f"rm -f {DEVICE_PATH}; head -c 90980 /dev/zero > {DEVICE_PATH}")
    capturing.start(scrcpy_capture(address, server_path))
    await capturing.pictures(1)


async def test_a_touch_is_seen_where_it_was_made_and_goes_with_the_finger(
    address: str, server_path: Path, capturing: Capturing
) -> None:
    capture = scrcpy_capture(address, server_path)
    capturing.start(capture)
    await capturing.pictures(1)
    capture.inject(finger(TouchAction.DOWN, 200, 900))
    capture.inject(finger(TouchAction.MOVE, 300, 1000))
    await capturing.pictures(30)
    [(x, y)] = find_dots(capturing.last_picture())
    assert abs(x - 300) < 8
    assert abs(y - 1000) < 8
    capture.inject(finger(TouchAction.UP, 300, 1000))
    await capturing.pictures(30)
    assert find_dots(capturing.last_picture()) == []
    assert capture.dropped_events == 0


async def test_a_rotation_changes_the_size_of_the_picture(
    address: str, server_path: Path, capturing: Capturing
) -> None:
    capture = scrcpy_capture(address, server_path)
    capturing.start(capture)
    await capturing.pictures(10)
    for size in ((1280, 720), (720, 1280)):
        capture.inject(Rotate(type="rotate"))
        await capturing.until(
            lambda size=size: (  # type: ignore[misc]
                (capturing.reports[-1].width_px, capturing.reports[-1].height_px) == size
            ),
            f"a picture of {size}",
        )
        await capturing.pictures(10)
        unit = next(unit for unit in capturing.units[::-1] if unit.is_key)
        assert (unit.width_px, unit.height_px) == size
        assert capturing.last_picture().shape == (size[1], size[0], 3)


async def test_key_pictures_are_made_on_request_and_not_too_often(
    address: str, server_path: Path, capturing: Capturing
) -> None:
    capture = scrcpy_capture(address, server_path)
    capturing.start(capture)
    await capturing.pictures(1)
    # The start counts as a reset; the picture is still for its first seconds of requests.
    await asyncio.sleep(2.1)
    before = capturing.units[-1].pts_us
    keys = capturing.keys()
    started_s = time.monotonic()
    for _ in range(20):
        capture.request_key_frame()
    await capturing.until(lambda: capturing.keys() > keys, "a key picture")
    assert time.monotonic() - started_s < 1.5
    # A reset interrupts the picture; without one, key pictures come without a gap.
    await asyncio.sleep(1.9)
    times = [unit.pts_us for unit in capturing.units if unit.pts_us >= before]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert sum(gap > 130_000 for gap in gaps) == 1


async def test_a_server_that_dies_is_started_again(
    address: str, server_path: Path, capturing: Capturing, adb: AdbConnection
) -> None:
    capture = scrcpy_capture(address, server_path)
    capturing.start(capture)
    await capturing.pictures(10)
    [server] = await servers(adb)
    await on_phone(adb, f"kill -9 {server}")
    report = await capturing.until_state(CaptureState.RECONNECTING)
    assert report.reason == "ScrcpyServerFailed"
    assert "ended with status 137" in report.message
    capture.inject(Key(type="key", action=KeyAction.DOWN, key_code=3))
    assert capture.dropped_events == 1
    await capturing.until_state(CaptureState.RUNNING)
    await capturing.pictures(10)
    assert capturing.units[0].is_key


@pytest.mark.parametrize("fault", ["freeze", "cut"])
async def test_a_link_that_breaks_is_made_again_and_nothing_is_left_behind(
    phone: PhoneHandle, server_path: Path, capturing: Capturing, adb: AdbConnection, fault: str
) -> None:
    async with Relay(phone.host, phone.port) as relay:
        capturing.start(scrcpy_capture(relay.address, server_path))
        await capturing.pictures(10)
        if fault == "freeze":
            relay.freeze()
        else:
            relay.cut()
        report = await capturing.until_state(CaptureState.RECONNECTING)
        assert report.reason == "DeviceConnectionLost"
        relay.thaw()
        relay.cut()
        await capturing.until_state(CaptureState.RUNNING)
        await capturing.pictures(10)
        assert capturing.units[0].is_key
        assert len(await servers(adb)) == 1
        await capturing.stop()
    await no_server_left(adb)


async def test_two_captures_of_one_phone_do_not_disturb_each_other(
    address: str, server_path: Path, capturing: Capturing
) -> None:
    other = Capturing()
    capturing.start(scrcpy_capture(address, server_path))
    other.start(scrcpy_capture(address, server_path))
    try:
        await asyncio.gather(capturing.pictures(60), other.pictures(60))
        await other.stop()
        await capturing.pictures(60)
        assert len(capturing.reports) == 2
    finally:
        await other.stop()


@pytest.mark.parametrize("pictures", [0, 10])
async def test_the_server_on_the_phone_ends_with_the_capture(
    address: str, server_path: Path, capturing: Capturing, adb: AdbConnection, pictures: int
) -> None:
    capturing.start(scrcpy_capture(address, server_path))
    if pictures:
        await capturing.pictures(pictures)
    else:
        async with asyncio.timeout(10):
            while not await servers(adb):
                await asyncio.sleep(0.01)
    started_s = time.monotonic()
    await capturing.stop()
    assert time.monotonic() - started_s < 2
    await no_server_left(adb)


async def test_a_phone_that_is_away_is_waited_for(
    phone: PhoneHandle, server_path: Path, capturing: Capturing
) -> None:
    async with Relay("127.0.0.1", 1) as nowhere:
        port = nowhere.port
    capture = scrcpy_capture(f"127.0.0.1:{port}", server_path)
    capturing.start(capture)
    await capturing.until(lambda: len(capturing.reports) >= 2, "a second report")
    assert capturing.reports[-1].state == CaptureState.STARTING
    assert capturing.reports[-1].reason == "DeviceUnreachable"
    report = await capturing.until_state(CaptureState.FAILED)
    assert f"127.0.0.1:{port} cannot be reached" in report.message


async def test_without_the_server_file_the_report_says_what_is_missing(
    address: str, tmp_path: Path, capturing: Capturing
) -> None:
    path = tmp_path / "scrcpy-server"
    capturing.start(scrcpy_capture(address, path))
    assert (await capturing.until_state(CaptureState.FAILED)).reason == "ScrcpyServerMissing"
    path.write_bytes(b"something else")
    await capturing.until(
        lambda: capturing.reports[-1].reason == "ScrcpyServerChecksum", "the next attempt"
    )
