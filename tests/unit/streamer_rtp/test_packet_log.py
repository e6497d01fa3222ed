"""The packets that all viewers share."""

from cloudphone_streamer.rtp.packet import MAX_RUN_PACKETS
from cloudphone_streamer.rtp.packet_log import (
    HISTORY_PACKETS,
    MAX_LOG_BYTES,
    MAX_LOG_TICKS,
    PacketLog,
)


def sizes(log: PacketLog) -> list[list[int]]:
    return [
        [len(payload) for payload in log.run(number).payloads]
        for number in range(log.first_number, log.end_number)
    ]


def test_runs_have_one_size_but_for_the_last() -> None:
    log = PacketLog()
    log.append([bytes(n) for n in (30, 100, 100, 100, 60, 100, 100)], ticks=0, is_key=True)
    assert sizes(log) == [[30], [100, 100, 100, 60], [100, 100]]
    assert [log.run(number).ends_picture for number in range(3)] == [False, False, True]
    assert [log.run(number).begins_key for number in range(3)] == [True, False, False]
    assert [log.run(number).first_index for number in range(3)] == [0, 1, 5]


def test_packets_of_an_odd_size_are_not_sent_together() -> None:
    log = PacketLog()
    log.append([bytes(n) for n in (99, 99, 98, 98, 97)], ticks=0, is_key=True)
    assert sizes(log) == [[99], [99], [98, 98, 97]]


def test_a_long_picture_is_several_runs() -> None:
    log = PacketLog()
    log.append([bytes(10)] * (2 * MAX_RUN_PACKETS + 1), ticks=0, is_key=True)
    assert [len(run) for run in sizes(log)] == [MAX_RUN_PACKETS, MAX_RUN_PACKETS, 1]


def test_a_key_frame_makes_all_before_it_superfluous() -> None:
    log = PacketLog()
    log.append([b"key"], ticks=0, is_key=True)
    log.append([b"p"], ticks=1500, is_key=False)
    log.append([b"new key"], ticks=3000, is_key=True)
    assert (log.first_number, log.end_number) == (2, 3)
    assert log.is_joinable


def test_nobody_can_join_before_a_key_frame() -> None:
    assert not PacketLog().is_joinable
    log = PacketLog()
    log.append([b"p"], ticks=0, is_key=False)
    assert not log.is_joinable


def test_a_gop_that_is_too_long_is_cut_and_no_longer_joinable() -> None:
    log = PacketLog()
    log.append([b"key"], ticks=0, is_key=True)
    log.append([b"p"], ticks=MAX_LOG_TICKS, is_key=False)
    assert log.first_number == 0
    log.append([b"p"], ticks=MAX_LOG_TICKS + 1, is_key=False)
    assert not log.is_joinable
    assert log.first_number == 1


def test_a_gop_that_is_too_large_is_cut() -> None:
    log = PacketLog()
    payload = bytes(1000)
    log.append([payload], ticks=0, is_key=True)
    for ticks in range(1, MAX_LOG_BYTES // 1000 + 10):
        log.append([payload], ticks=ticks, is_key=False)
    assert not log.is_joinable
    assert (log.end_number - log.first_number) * 1000 <= MAX_LOG_BYTES


def test_the_last_packets_can_be_sent_again_across_key_frames() -> None:
    log = PacketLog()
    log.append([b"a", b"b"], ticks=7, is_key=True)
    log.append([b"c"], ticks=9, is_key=True)
    packet = log.sent_packet(1)
    assert packet is not None
    assert (packet.payload, packet.ticks, packet.marker) == (b"b", 7, True)
    assert log.sent_packet(3) is None
    log.append([b"x"] * (HISTORY_PACKETS - 1), ticks=11, is_key=False)
    assert log.sent_packet(1) is None
    assert log.sent_packet(2) is not None
