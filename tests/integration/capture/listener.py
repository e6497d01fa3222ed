"""Runs a capture and keeps what it yields."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import Device, SessionDocument, SessionRef
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.capture.factory import make_capture
from cloudphone_streamer.capture.source import Capture

WAIT_S = 20.0


class Capturing:
    """
    A capture that runs, as a sink.

    Attributes:
        units: access units of the present run of the source, from its key picture.
        reports: all reports.
    """

    def __init__(self) -> None:
        self.units: list[AccessUnit] = []
        self.reports: list[CaptureReport] = []
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def start(self, capture: Capture) -> None:
        self._task = asyncio.create_task(capture.run(self), name="capture")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def on_access_unit(self, unit: AccessUnit) -> None:
        self.units.append(unit)
        self._changed.set()

    def on_capture_report(self, report: CaptureReport) -> None:
        if report.state != CaptureState.RUNNING:
            self.units.clear()
        self.reports.append(report)
        self._changed.set()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that units or reports tell."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not come; reports: {self.reports}") from None

    async def until_state(self, state: CaptureState) -> CaptureReport:
        await self.until(lambda: bool(self.reports) and self.reports[-1].state == state, state)
        return self.reports[-1]

    async def pictures(self, count: int) -> None:
        """Wait for so many pictures more."""
        wanted = len(self.units) + count
        await self.until(lambda: len(self.units) >= wanted, f"{count} pictures")

    def keys(self) -> int:
        return sum(unit.is_key for unit in self.units)

    def last_picture(self) -> npt.NDArray[np.uint8]:
        """The newest picture, decoded from the last key picture on; rows of RGB."""
        first = max(index for index, unit in enumerate(self.units) if unit.is_key)
        context = av.CodecContext.create("h264", "r")
        picture = None
        for unit in self.units[first:]:
            data = b"".join(b"\0\0\0\1" + nal for nal in unit.nals)
            for frame in context.decode(av.Packet(data)):
                picture = frame
        for frame in context.decode(None):
            picture = frame
        assert picture is not None
        return picture.to_ndarray(format="rgb24").astype(np.uint8)


def scrcpy_capture(address: str, server_path: Path) -> Capture:
    document = SessionDocument(
        session=SessionRef(namespace="phones", name="phone-1", uid="u"),
        device=Device(address=address),
    )
    return make_capture(
        document,
        scrcpy_server_path=server_path,
        connect_timeout_s=3,
        command_timeout_s=10,
        adb_key=None,
    )
