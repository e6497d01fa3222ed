"""`python -m bench.senders.engine`: this project's engine, with all that the streamer imports."""

import argparse
import asyncio
import time
from pathlib import Path

from aiohttp import web

import cloudphone_streamer.main  # noqa: F401 - memory is measured as it is in the streamer
from bench import clip
from bench.senders.serving import serve_offers, until_told_to_end
from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.bitstream.nal import NalType, nal_type, split_annex_b
from cloudphone_streamer.rtp.fanout import VideoFanout
from cloudphone_streamer.webrtc.server import MediaServer

PORT_MIN = 50_700
PORT_MAX = 50_799


class _Viewer:
    """The application's side of a viewer; nothing is done on its word here."""

    def on_connected(self) -> None:
        pass

    def on_channel_open(self, send: object) -> None:
        pass

    def on_message(self, channel: str, data: str | bytes) -> None:
        pass

    def on_closed(self, reason: str) -> None:
        pass


async def _run(path: Path, address: str) -> None:
    fanout = VideoFanout(request_key_frame=lambda: None)
    media = MediaServer(addresses=[address], port_min=PORT_MIN, port_max=PORT_MAX, fanout=fanout)
    await media.start()

    async def answer(request: web.Request) -> web.Response:
        accepted = await media.accept(await request.text(), _Viewer())
        return web.Response(text=accepted.answer_sdp)

    async with serve_offers(answer):
        playing = asyncio.create_task(_play(clip.read(path), fanout))
        await until_told_to_end()
        playing.cancel()
    await media.close()


async def _play(units: list[bytes], fanout: VideoFanout) -> None:
    started_s = time.monotonic()
    number = 0
    while True:
        nals = tuple(split_annex_b(clip.stamped(units[number % len(units)])))
        fanout.push(
            AccessUnit(
                nals=nals,
                pts_us=number * 1_000_000 // clip.FRAMES_PER_S,
                is_key=any(nal_type(nal) == NalType.IDR_SLICE for nal in nals),
                width_px=clip.WIDTH_PX,
                height_px=clip.HEIGHT_PX,
            )
        )
        number += 1
        await asyncio.sleep(max(0.0, started_s + number / clip.FRAMES_PER_S - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--address", required=True)
    options = parser.parse_args()
    asyncio.run(_run(options.clip, options.address))


if __name__ == "__main__":
    main()
