from dev.phone.geometry import Size
from dev.phone.scrcpy import wire


def test_the_device_name_is_64_bytes_and_whole_characters() -> None:
    assert wire.device_name_field("Phone") == b"Phone" + bytes(59)
    # 31 characters of 2 bytes and a zero: the 32nd would leave no room for the zero.
    assert wire.device_name_field("é" * 40) == "é".encode() * 31 + bytes(2)


def test_headers_have_their_flags_and_sizes() -> None:
    assert wire.video_header(Size(720, 1280)).hex() == (
        "68323634"  # h264
        "000002d0"  # width
        "00000500"  # height
    )
    assert wire.config_header(0x27).hex() == "800000000000000000000027"
    assert wire.frame_header(3, pts_us=0x123456, is_key=True).hex() == "400000000012345600000003"
    assert wire.frame_header(3, pts_us=0x123456, is_key=False).hex() == "000000000012345600000003"


def test_device_messages_have_their_types() -> None:
    assert wire.clipboard_message("hé").hex() == "000000000368c3a9"
    assert wire.clipboard_ack_message(7).hex() == "010000000000000007"
