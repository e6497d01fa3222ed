"""ADB messages, byte by byte; see protocol.txt of Android's packages/modules/adb."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.adb.errors import AdbProtocolViolation
from cloudphone_streamer.adb.wire import (
    MAX_PAYLOAD_BYTES,
    Command,
    Message,
    MessageParser,
    to_bytes,
)

OPEN = bytes.fromhex(
    "4f50454e"  # "OPEN"
    "01000000"  # our id of the stream: 1
    "00004000"  # receive window: 4 MiB
    "06000000"  # payload: 6 bytes
    "00000000"  # no checksum
    "b0afbab1"  # every bit of "OPEN" inverted
    "73796e633a00"  # "sync:", NUL
)


def test_a_message_is_a_header_and_its_payload() -> None:
    message = Message(command=Command.OPEN, arg0=1, arg1=4 << 20, payload=b"sync:\0")
    assert to_bytes(message, with_checksum=False) == OPEN
    assert MessageParser().feed(OPEN) == [message]


def test_the_checksum_for_old_daemons_is_the_sum_of_the_bytes() -> None:
    message = Message(command=Command.WRTE, arg0=1, arg1=2, payload=b"\x01\xff\x02")
    assert to_bytes(message, with_checksum=True)[16:20] == bytes.fromhex("02010000")


MESSAGES = st.lists(
    st.builds(
        Message,
        command=st.sampled_from(Command),
        arg0=st.integers(0, 0xFFFF_FFFF),
        arg1=st.integers(0, 0xFFFF_FFFF),
        payload=st.binary(max_size=300),
    ),
    max_size=5,
)


@given(messages=MESSAGES, piece=st.integers(1, 400), checksum=st.booleans())
def test_messages_survive_any_fragmentation(
    messages: list[Message], piece: int, checksum: bool
) -> None:
    data = b"".join(to_bytes(message, with_checksum=checksum) for message in messages)
    parser = MessageParser()
    parsed = []
    for start in range(0, len(data), piece):
        parsed += parser.feed(data[start : start + piece])
    assert parsed == messages


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(
            b"HTTP/1.1 400 Bad Request",
            "no ADB daemon answers at this address",
            id="another protocol",
        ),
        pytest.param(
            bytes.fromhex("57525445 01000000 02000000 01001000 00000000 a8adabba"),
            f"payload is {MAX_PAYLOAD_BYTES + 1} bytes; expected at most {MAX_PAYLOAD_BYTES}",
            id="a payload over the limit we gave",
        ),
        pytest.param(
            bytes.fromhex("53594e43 00000000 00000000 00000000 00000000 aca6b1bc"),
            "command is 0x434e5953; expected one of CNXN, AUTH, STLS, OPEN, OKAY, WRTE, CLSE",
            id="an obsolete command",
        ),
    ],
)
def test_what_is_no_adb_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(AdbProtocolViolation) as error:
        MessageParser().feed(data)
    assert text in str(error.value)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_do_no_harm(data: bytes) -> None:
    with contextlib.suppress(AdbProtocolViolation):
        MessageParser().feed(data)
