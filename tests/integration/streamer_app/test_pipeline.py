"""One capture after another, also when they end slowly; the captures are made up."""

import asyncio

from cloudphone_protocol.channel import Rotate
from cloudphone_protocol.session import SessionDocument
from cloudphone_streamer.capture.source import CaptureSink, InputEvent
from cloudphone_streamer.pipeline import Pipeline
from tests.integration.streamer_app.process import DOCUMENT


class SlowCapture:
    """Takes a while to end, as one does whose phone is away."""

    def __init__(self) -> None:
        self.is_running = asyncio.Event()
        self.may_end = asyncio.Event()
        self.dropped_events = 0

    async def run(self, sink: CaptureSink) -> None:
        self.is_running.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.may_end.wait()

    def request_key_frame(self) -> None:
        raise AssertionError("nobody watches")

    def inject(self, event: InputEvent) -> None:
        self.dropped_events += 1


class Stage:
    """A pipeline and the captures that it made."""

    def __init__(self) -> None:
        self.captures: list[SlowCapture] = []
        self.pipeline = Pipeline(make_capture=self._make, on_report=lambda _: None)

    def _make(self, document: SessionDocument) -> SlowCapture:
        self.captures.append(SlowCapture())
        return self.captures[-1]

    async def running(self) -> SlowCapture:
        """The newest capture, when it runs."""
        await asyncio.sleep(0)
        await self.captures[-1].is_running.wait()
        return self.captures[-1]


async def test_a_document_that_comes_as_the_process_ends_starts_no_capture() -> None:
    stage = Stage()
    stage.pipeline.start(DOCUMENT)
    capture = await stage.running()
    replacing = asyncio.create_task(stage.pipeline.replace(DOCUMENT))
    await asyncio.sleep(0)
    closing = asyncio.create_task(stage.pipeline.close())
    await asyncio.sleep(0)
    assert not closing.done(), "the capture has not ended"
    capture.may_end.set()
    await asyncio.gather(replacing, closing)
    assert stage.captures == [capture]


async def test_events_that_no_phone_took_are_counted_across_captures() -> None:
    stage = Stage()
    stage.pipeline.start(DOCUMENT)
    first = await stage.running()
    rotate = Rotate(type="rotate")
    stage.pipeline.inject(rotate)
    first.may_end.set()
    await stage.pipeline.replace(DOCUMENT)
    second = await stage.running()
    stage.pipeline.inject(rotate)
    assert stage.pipeline.dropped_events_total == 2
    second.may_end.set()
    await stage.pipeline.close()
    stage.pipeline.inject(rotate)
    assert stage.pipeline.dropped_events_total == 3
