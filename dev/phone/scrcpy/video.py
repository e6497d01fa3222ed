"""Streams the display: a paced loop of draw, encode and send, restarted on reset and rotation."""

import random
import socket
import threading
import time

from dev.phone.display.encoder import Encoder
from dev.phone.display.pacing import Pace
from dev.phone.framework_client import FrameworkClient
from dev.phone.geometry import video_size
from dev.phone.scrcpy import wire
from dev.phone.scrcpy.log import Level, log
from dev.phone.scrcpy.options import Options

# What phones take to stop an encoder, configure it anew and give the first frame.
_RESTART_S = (0.150, 0.500)
_DEFAULT_KEY_FRAME_INTERVAL_S = 10


class VideoStream:
    """
    The video of one connection, with an encoder of its own.

    `reset` may be called from any thread; `video` is the size that positions refer to now.
    """

    def __init__(self, sink: socket.socket, framework: FrameworkClient, options: Options) -> None:
        self._sink = sink
        self._framework = framework
        self._options = options
        self._reset = threading.Event()
        self._display = framework.state.display_size
        self.video = video_size(self._display, options.max_size_px)
        display_fps = float(framework.state.properties["ro.boot.redroid_fps"])
        self._fps = min(options.max_fps, display_fps) if options.max_fps > 0 else display_fps

    def reset(self) -> None:
        """Restart the encoder: a new configuration packet and a key frame will follow."""
        self._reset.set()

    def run(self) -> None:
        """Stream until the client is gone; raises OSError then."""
        if self._options.send_codec_meta:
            self._sink.sendall(wire.video_header(self.video))
        while True:
            self._reset.clear()
            self._display = self._framework.state.display_size
            self.video = video_size(self._display, self._options.max_size_px)
            self._encode_until_reset(self._open_encoder())
            time.sleep(random.uniform(*_RESTART_S))  # noqa: S311 - no secret

    def _open_encoder(self) -> Encoder:
        interval = self._options.video_codec_options.get(
            "i-frame-interval", _DEFAULT_KEY_FRAME_INTERVAL_S
        )
        encoder = Encoder(
            video=self.video,
            bit_rate_bps=self._options.video_bit_rate_bps,
            max_fps=self._fps,
            key_frame_interval_s=float(interval),
        )
        log(Level.DEBUG, f"Display: {self._display}, video: {self.video} at {self._fps:g} fps")
        return encoder

    def _encode_until_reset(self, encoder: Encoder) -> None:
        self._send(wire.config_header(len(encoder.config)), encoder.config)
        pace = Pace(self._fps)
        while not self._reset.is_set():
            state = self._framework.state
            if state.display_size != self._display:
                # A rotation restarts the encoder, as the genuine server's display monitor does.
                return
            unit, is_key, pts_us = encoder.encode(state)
            header = wire.frame_header(len(unit), pts_us=pts_us, is_key=is_key)
            self._send(header, unit)
            pace.wait()

    def _send(self, header: bytes, packet: bytes) -> None:
        self._sink.sendall(header + packet if self._options.send_frame_meta else packet)
