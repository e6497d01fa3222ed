"""
The server's command line, as strict as the genuine server 3.3.4. Pure.

The first argument is the client's version and must be the same; then come `key=value` pairs. What
the simulation has no use for is checked all the same, so that a client's mistake shows here too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dev.phone.scrcpy.codec_options import CodecValue, OptionError, parse_codec_options
from dev.phone.scrcpy.log import Level

SERVER_VERSION = "3.3.4"
_INT_RANGE = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    The options that the simulation acts on, with the genuine server's defaults.

    Attributes:
        scid: 31 bits that name the socket, or -1 for none.
        max_size_px: longest side of the video, a multiple of 8; 0 is no limit.
        max_fps: 0 is no limit.
        cleanup: whether the server removes its own file.
        send_*: parts of the protocol that a client may leave out.
    """

    log_level: Level = Level.DEBUG
    scid: int = -1
    video: bool = True
    audio: bool = True
    control: bool = True
    video_codec: str = "h264"
    video_source: str = "display"
    max_size_px: int = 0
    max_fps: float = 0.0
    video_bit_rate_bps: int = 8_000_000
    video_codec_options: dict[str, CodecValue] = field(default_factory=dict)
    video_encoder: str = ""
    display_id: int = 0
    list_encoders: bool = False
    list_displays: bool = False
    tunnel_forward: bool = False
    clipboard_autosync: bool = True
    cleanup: bool = True
    send_device_meta: bool = True
    send_frame_meta: bool = True
    send_dummy_byte: bool = True
    send_codec_meta: bool = True

    @property
    def socket_name(self) -> str:
        """The name of the abstract socket."""
        return "scrcpy" if self.scid == -1 else f"scrcpy_{self.scid:08x}"


def parse_options(arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """
    Parse the server's arguments.

    Returns:
        The options, and a warning for each that is unknown or has no effect here.
    Raises:
        OptionError: If the version differs or a value is not valid.
    """
    if not arguments:
        raise OptionError("Missing client version")
    if arguments[0] != SERVER_VERSION:
        raise OptionError(
            f"The server version ({SERVER_VERSION}) does not match the client ({arguments[0]})"
        )
    options = Options()
    warnings = []
    for argument in arguments[1:]:
        key, equal_sign, value = argument.partition("=")
        if not equal_sign:
            raise OptionError(f'Invalid key=value pair: "{argument}"')
        if key == "raw_stream":
            if _boolean(key, value):
                options = replace(
                    options,
                    send_device_meta=False,
                    send_frame_meta=False,
                    send_dummy_byte=False,
                    send_codec_meta=False,
                )
        elif key in _PARSERS:
            name, parse = _PARSERS[key]
            parsed = parse(key, value)
            if name:
                options = replace(options, **{name: parsed})
            elif key in _CHANGES_THE_PICTURE and value:
                warnings.append(f"{key} has no effect on a simulated phone")
        else:
            warnings.append(f"Unknown server option: {key}")
    return options, warnings


# A real phone's picture would be another one; silence would be a lie.
_CHANGES_THE_PICTURE = frozenset({"angle", "crop", "capture_orientation", "new_display"})


def _boolean(_key: str, value: str) -> bool:
    # As Java's Boolean.parseBoolean: anything else is false, without an error.
    return value.lower() == "true"


def _text(_key: str, value: str) -> str:
    return value


def _integer(_key: str, value: str) -> int:
    return _java_int(value, 10)


def _java_int(value: str, base: int) -> int:
    # As Java's Integer.parseInt: no spaces, no underscores, no prefix, 32 bits.
    digits = value[1:] if value[:1] in {"+", "-"} else value
    if digits.isascii() and digits.isalnum():
        try:
            number = int(value, base)
        except ValueError:
            pass
        else:
            if number in _INT_RANGE:
                return number
    radix = "" if base == 10 else f" under radix {base}"
    raise OptionError(f'For input string: "{value}"{radix}')


def _max_size(key: str, value: str) -> int:
    return _integer(key, value) & ~7


def _float(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise OptionError(f'Invalid float value for {key}: "{value}"') from None


def _scid(_key: str, value: str) -> int:
    scid = _java_int(value, 16)
    if scid < -1:
        raise OptionError(f"scid may not be negative (except -1 for 'none'): {scid}")
    return scid


def _log_level(_key: str, value: str) -> Level:
    try:
        return Level[value.upper()]
    except KeyError:
        raise OptionError(
            f"No enum constant com.genymobile.scrcpy.util.Ln.Level.{value.upper()}"
        ) from None


def _one_of(what: str, *names: str) -> Callable[[str, str], str]:
    def parse(_key: str, value: str) -> str:
        if value not in names:
            raise OptionError(f"{what} {value} not supported")
        return value

    return parse


def _codec_options(_key: str, value: str) -> dict[str, CodecValue]:
    return parse_codec_options(value)


def _screen_off_timeout(key: str, value: str) -> int:
    timeout = _integer(key, value)
    if timeout < -1:
        raise OptionError(f"Invalid screen off timeout: {timeout}")
    return timeout


def _crop(key: str, value: str) -> None:
    if not value:
        return
    parts = value.split(":")
    if len(parts) != 4:
        raise OptionError(f'Crop must contains 4 values separated by colons: "{value}"')
    width, height, x, y = (_integer(key, part) for part in parts)
    if width <= 0 or height <= 0:
        raise OptionError(f"Invalid crop size: {width}x{height}")
    if x < 0 or y < 0:
        raise OptionError(f"Invalid crop offset: {x}:{y}")


def _ime_policy(_key: str, value: str) -> str:
    if value not in {"local", "fallback", "hide"}:
        raise OptionError(f"Invalid display IME policy: {value}")
    return value


def _capture_orientation(_key: str, value: str) -> str:
    if not value:
        raise OptionError("Empty capture orientation string")
    name = value.removeprefix("@")
    known = {f"{flip}{angle}" for flip in ("", "flip") for angle in (0, 90, 180, 270)}
    if name not in known and value != "@":
        raise OptionError(f"Unknown orientation: {name}")
    return value


# Option: the field of Options that it sets, or "" where it has no effect here, and its parser.
_PARSERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "scid": ("scid", _scid),
    "log_level": ("log_level", _log_level),
    "video": ("video", _boolean),
    "audio": ("audio", _boolean),
    "control": ("control", _boolean),
    "video_codec": ("video_codec", _one_of("Video codec", "h264", "h265", "av1")),
    "audio_codec": ("", _one_of("Audio codec", "opus", "aac", "flac", "raw")),
    "video_source": ("video_source", _one_of("Video source", "display", "camera")),
    "audio_source": (
        "",
        _one_of(
            "Audio source",
            "output",
            "mic",
            "playback",
            "mic-unprocessed",
            "mic-camcorder",
            "mic-voice-recognition",
            "mic-voice-communication",
            "voice-call",
            "voice-call-uplink",
            "voice-call-downlink",
            "voice-performance",
        ),
    ),
    "audio_dup": ("", _boolean),
    "max_size": ("max_size_px", _max_size),
    "video_bit_rate": ("video_bit_rate_bps", _integer),
    "audio_bit_rate": ("", _integer),
    "max_fps": ("max_fps", _float),
    "angle": ("", _float),
    "tunnel_forward": ("tunnel_forward", _boolean),
    "crop": ("", _crop),
    "display_id": ("display_id", _integer),
    "show_touches": ("", _boolean),
    "stay_awake": ("", _boolean),
    "screen_off_timeout": ("", _screen_off_timeout),
    "video_codec_options": ("video_codec_options", _codec_options),
    "audio_codec_options": ("", _codec_options),
    "video_encoder": ("video_encoder", _text),
    "audio_encoder": ("", _text),
    "power_off_on_close": ("", _boolean),
    "clipboard_autosync": ("clipboard_autosync", _boolean),
    "downsize_on_error": ("", _boolean),
    "cleanup": ("cleanup", _boolean),
    "power_on": ("", _boolean),
    "list_encoders": ("list_encoders", _boolean),
    "list_displays": ("list_displays", _boolean),
    "list_cameras": ("", _boolean),
    "list_camera_sizes": ("", _boolean),
    "list_apps": ("", _boolean),
    "camera_id": ("", _text),
    "camera_size": ("", _text),
    "camera_facing": ("", _text),
    "camera_ar": ("", _text),
    "camera_fps": ("", _integer),
    "camera_high_speed": ("", _boolean),
    "new_display": ("", _text),
    "vd_destroy_content": ("", _boolean),
    "vd_system_decorations": ("", _boolean),
    "capture_orientation": ("", _capture_orientation),
    "display_ime_policy": ("", _ime_policy),
    "send_device_meta": ("send_device_meta", _boolean),
    "send_frame_meta": ("send_frame_meta", _boolean),
    "send_dummy_byte": ("send_dummy_byte", _boolean),
    "send_codec_meta": ("send_codec_meta", _boolean),
}
