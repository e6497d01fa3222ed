import pytest

from dev.phone.scrcpy.codec_options import OptionError, parse_codec_options
from dev.phone.scrcpy.log import Level
from dev.phone.scrcpy.options import Options, parse_options

CLIENT = (
    "3.3.4 scid=5a0b1c2d log_level=info video_bit_rate=6000000 audio=false max_size=1275 max_fps=30 "
    "tunnel_forward=true video_codec_options=i-frame-interval=1,latency:float=0.5 cleanup=false"
)


def test_a_clients_options_are_read() -> None:
    assert parse_options(CLIENT.split()) == (
        Options(
            scid=0x5A0B1C2D,
            log_level=Level.INFO,
            video_bit_rate_bps=6_000_000,
            audio=False,
            max_size_px=1272,  # a multiple of 8
            max_fps=30.0,
            tunnel_forward=True,
            video_codec_options={"i-frame-interval": 1, "latency": 0.5},
            cleanup=False,
        ),
        [],
    )


def test_the_socket_is_named_by_eight_digits() -> None:
    assert parse_options(["3.3.4", "scid=1f"])[0].socket_name == "scrcpy_0000001f"
    assert parse_options(["3.3.4"])[0].socket_name == "scrcpy"


def test_a_raw_stream_has_nothing_but_packets() -> None:
    options, _ = parse_options(["3.3.4", "raw_stream=true"])
    assert not any(
        (
            options.send_device_meta,
            options.send_frame_meta,
            options.send_dummy_byte,
            options.send_codec_meta,
        )
    )


def test_an_option_that_would_change_the_picture_is_a_warning() -> None:
    assert parse_options(["3.3.4", "crop=", "angle=90"])[1] == [
        "angle has no effect on a simulated phone"
    ]


def test_an_unknown_option_is_only_a_warning() -> None:
    assert parse_options(["3.3.4", "colour=red"]) == (Options(), ["Unknown server option: colour"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param("", "Missing client version", id="nothing"),
        pytest.param(
            "3.3.3",
            r"The server version \(3.3.4\) does not match the client \(3.3.3\)",
            id="version",
        ),
        pytest.param("3.3.4 audio", 'Invalid key=value pair: "audio"', id="no value"),
        pytest.param(
            "3.3.4 scid=80000000", 'For input string: "80000000" under radix 16', id="scid"
        ),
        pytest.param("3.3.4 scid=-2", "scid may not be negative", id="negative scid"),
        pytest.param("3.3.4 max_size=a", 'For input string: "a"', id="no number"),
        pytest.param("3.3.4 max_size=1_0", 'For input string: "1_0"', id="a number of Python's"),
        pytest.param("3.3.4 max_fps=x", 'Invalid float value for max_fps: "x"', id="no float"),
        pytest.param("3.3.4 video_codec=vp8", "Video codec vp8 not supported", id="codec"),
        pytest.param("3.3.4 log_level=loud", "No enum constant", id="log level"),
        pytest.param("3.3.4 crop=1:2:3", "Crop must contains 4 values", id="crop"),
        pytest.param("3.3.4 capture_orientation=45", "Unknown orientation: 45", id="orientation"),
        pytest.param("3.3.4 video_codec_options=a", "'=' expected", id="codec option"),
        pytest.param("3.3.4 video_codec_options=a:x=1", "Invalid codec option type", id="type"),
    ],
)
def test_what_is_not_valid_is_refused(arguments: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_options(arguments.split())


def test_codec_options_take_escaped_commas_and_types() -> None:
    assert parse_codec_options(r"a=1,b:long=-2,c:float=1.5,d:string=x\,y\\z,") == {
        "a": 1,
        "b": -2,
        "c": 1.5,
        "d": "x,y\\z",
    }
    assert parse_codec_options("") == {}
