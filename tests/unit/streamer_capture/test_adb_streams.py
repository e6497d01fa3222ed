"""What one ADB stream may send, and the two services that are spoken on streams."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.adb.address import parse_address
from cloudphone_streamer.adb.errors import AdbProtocolViolation, AdbUnreachable
from cloudphone_streamer.adb.flow import RECEIVE_WINDOW_BYTES, ReceiveWindow, SendBudget
from cloudphone_streamer.adb.shell import PacketParser
from cloudphone_streamer.adb.sync import send_request


def test_without_windows_each_message_waits_for_an_okay() -> None:
    budget = SendBudget(windowed=False)
    assert not budget.can_send()
    budget.on_okay(b"")
    assert budget.can_send()
    budget.on_sent(1)
    assert not budget.can_send()
    budget.on_okay(b"")
    assert budget.can_send()


def test_with_windows_a_budget_is_spent_and_may_be_overdrawn_once() -> None:
    budget = SendBudget(windowed=True)
    budget.on_okay(struct.pack("<i", 100))
    budget.on_sent(99)
    assert budget.can_send()
    budget.on_sent(50)
    assert not budget.can_send()
    budget.on_okay(struct.pack("<i", 49))
    assert not budget.can_send()
    budget.on_okay(struct.pack("<i", 1))
    assert budget.can_send()


def test_a_phone_may_take_budget_back() -> None:
    budget = SendBudget(windowed=True)
    budget.on_okay(struct.pack("<i", 10))
    budget.on_okay(struct.pack("<i", -10))
    assert not budget.can_send()


def test_an_okay_of_the_other_scheme_is_a_violation() -> None:
    with pytest.raises(AdbProtocolViolation, match="OKAY carries 0 bytes; expected 4"):
        SendBudget(windowed=True).on_okay(b"")


def test_without_windows_every_message_is_acknowledged() -> None:
    window = ReceiveWindow(windowed=False)
    assert window.open_argument == 0
    assert window.on_taken(1) == b""


@given(sizes=st.lists(st.integers(0, 1 << 20), max_size=100))
def test_with_windows_the_phone_is_never_left_without_room(sizes: list[int]) -> None:
    window = ReceiveWindow(windowed=True)
    room = window.open_argument
    assert room == RECEIVE_WINDOW_BYTES
    for size in sizes:
        room -= size
        acknowledgement = window.on_taken(size)
        if acknowledgement is not None:
            room += struct.unpack("<i", acknowledgement)[0]
        assert RECEIVE_WINDOW_BYTES // 2 < room <= RECEIVE_WINDOW_BYTES


def test_a_file_is_sent_as_name_parts_and_time() -> None:
    content = b"x" * 65_537
    assert send_request("/data/a", content, mode=0o644, modified_s=1) == (
        b"SEND" + bytes.fromhex("0d000000") + b"/data/a,33188"  # a regular file, rw-r--r--
        b"DATA" + bytes.fromhex("00000100") + b"x" * 65_536 +
        b"DATA" + bytes.fromhex("01000000") + b"x"
        b"DONE" + bytes.fromhex("01000000")
    )  # fmt: skip


def test_shell_packets_are_cut_from_any_fragmentation() -> None:
    data = (
        bytes.fromhex("01 03000000") + b"out"
        + bytes.fromhex("02 00000000")
        + bytes.fromhex("03 01000000 07")
    )  # fmt: skip
    for piece in range(1, len(data) + 1):
        parser = PacketParser()
        packets = []
        for start in range(0, len(data), piece):
            packets += parser.feed(data[start : start + piece])
        assert packets == [(1, b"out"), (2, b""), (3, b"\x07")]


def test_a_shell_packet_without_bounds_is_a_violation() -> None:
    with pytest.raises(AdbProtocolViolation, match="shell packet is 4294967295 bytes"):
        PacketParser().feed(bytes.fromhex("01 ffffffff"))


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        ("10.0.0.7:5555", ("10.0.0.7", 5555)),
        ("[fd00::7]:5555", ("fd00::7", 5555)),
    ],
)
def test_an_address_is_an_ip_address_and_a_port(address: str, parsed: tuple[str, int]) -> None:
    assert parse_address(address) == parsed


@pytest.mark.parametrize(
    "address",
    ["10.0.0.7", "phone:5555", "fd00::7:5555", "[10.0.0.7]:5555", "10.0.0.7:0", "10.0.0.7:٣", ""],
)
def test_any_other_address_is_refused(address: str) -> None:
    with pytest.raises(AdbUnreachable, match="expected an IP address and a port"):
        parse_address(address)
