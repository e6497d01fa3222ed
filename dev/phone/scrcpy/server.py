"""Runs one server for one client, from its sockets' opening to their end."""

import threading
from collections.abc import Callable

from dev.phone.framework_client import FrameworkClient
from dev.phone.scrcpy import wire
from dev.phone.scrcpy.connection import Connection, open_connection
from dev.phone.scrcpy.controller import Controller
from dev.phone.scrcpy.log import Level, log
from dev.phone.scrcpy.options import Options
from dev.phone.scrcpy.video import VideoStream
from dev.phone.state import PhoneState


class ConfigurationError(Exception):
    """The phone cannot do what the options ask; it has been logged."""


_VIDEO_ENCODER = "c2.android.avc.encoder"


def serve(options: Options) -> None:
    """
    Serve one client until its video or its control stream ends, or print what it wants listed.

    Raises:
        ConfigurationError: If the options ask for what this phone lacks.
        OSError: If the client's sockets cannot be opened.
    """
    framework = FrameworkClient()
    properties = framework.state.properties
    log(
        Level.INFO,
        f"Device: [{properties['ro.product.manufacturer']}] {properties['ro.product.brand']} "
        f"{properties['ro.product.model']} (Android {properties['ro.build.version.release']})",
    )
    if options.list_encoders or options.list_displays:
        _list(framework.state, options)
        return
    connection = open_connection(options)
    try:
        if options.send_device_meta and connection.sockets:
            name = wire.device_name_field(properties["ro.product.model"])
            connection.sockets[0].sendall(name)
        _check(options)
        _stream(connection, framework, options)
    finally:
        connection.close()


def _list(state: PhoneState, options: Options) -> None:
    if options.list_encoders:
        encoder = f"--video-codec=h264 --video-encoder={_VIDEO_ENCODER}"
        log(Level.INFO, f"List of video encoders:\n    {encoder:<70} (sw)")
        log(Level.INFO, "List of audio encoders:")
    if options.list_displays:
        log(Level.INFO, f"List of displays:\n    --display-id=0    ({state.display_size})")


def _check(options: Options) -> None:
    problem = None
    if options.video and options.video_source != "display":
        problem = "No matching camera found"
    elif options.video and options.video_codec != "h264":
        problem = f"Could not create default video encoder for {options.video_codec}"
    elif options.video and options.video_encoder not in {"", _VIDEO_ENCODER}:
        problem = f"Video encoder '{options.video_encoder}' for h264 not found"
    elif options.display_id != 0:
        problem = f"Display {options.display_id} not found"
    if problem:
        log(Level.ERROR, problem)
        raise ConfigurationError(problem)


def _stream(connection: Connection, framework: FrameworkClient, options: Options) -> None:
    ended = threading.Event()
    video = VideoStream(connection.video, framework, options) if connection.video else None
    if connection.audio:
        # As a phone that cannot capture its sound: the client goes on with video.
        log(Level.WARN, "Audio disabled: a simulated phone makes no sound")
        if options.send_codec_meta:
            connection.audio.sendall(wire.AUDIO_DISABLED)
    if connection.control:
        controller = Controller(connection.control, framework, video, options)
        framework.watch(controller.state_changed)
        _start("control-recv", controller.run, ended)
    else:
        framework.watch(_ignore)
    if video:
        _start("video", video.run, ended)
    if video or connection.control:
        ended.wait()


def _start(name: str, run: Callable[[], None], ended: threading.Event) -> None:
    def run_to_end() -> None:
        try:
            run()
        except OSError as error:
            # A broken pipe is the usual end: the client closed its sockets.
            log(Level.DEBUG, f"{name} stopped: {error}")
        finally:
            ended.set()

    threading.Thread(target=run_to_end, name=name, daemon=True).start()


def _ignore(_before: PhoneState, _after: PhoneState) -> None:
    """Without a control stream there is nobody to tell; the picture reads the newest state."""
