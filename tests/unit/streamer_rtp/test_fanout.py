"""Who gets which packets, with a transport that writes them down and blocks on demand."""

import itertools
import threading

import pytest
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, unwrap_rtx

from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.rtp import fanout as fanout_module
from cloudphone_streamer.rtp.fanout import CATCH_UP_PACKETS, MAX_PAYLOAD_BYTES, VideoFanout
from cloudphone_streamer.rtp.packet import ExtensionIds
from cloudphone_streamer.rtp.rtcp import Feedback, ReceptionReport
from cloudphone_streamer.rtp.sender import MAX_LAG_S, VideoParameters, VideoSender
from cloudphone_streamer.rtp.transport_cc import TransportFeedback

SSRC = 0x1000
RTX_SSRC = 0x2000
TAG = b"\xaa" * 16


class RecordingTransport:
    """Takes at most `room` packets."""

    trailer_bytes = len(TAG)

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(65_536))
        self.room = 1_000_000
        self.packets: list[RtpPacket] = []
        self.sends: list[int] = []
        self.control: list[bytes] = []

    def send_packets(self, count: int, packet_bytes: int, last_packet_bytes: int) -> int:
        taken = min(count, self.room)
        self.room -= taken
        for position in range(taken):
            start = position * (packet_bytes + self.trailer_bytes)
            size = last_packet_bytes if position == count - 1 else packet_bytes
            self.packets.append(
                RtpPacket.parse(bytes(self.buffer[start : start + size]), HeaderExtensionsMap())
            )
        self.sends.append(taken)
        return taken

    def send_control(self, packet: bytes) -> None:
        self.control.append(packet)

    def video(self) -> list[RtpPacket]:
        return [packet for packet in self.packets if packet.ssrc == SSRC]


class Clock:
    """`time.monotonic` of the fan-out."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class Stage:
    """A fan-out whose source is written by hand."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests = 0
        self.fanout = VideoFanout(request_key_frame=self._on_request)
        self._number = 0

    def _on_request(self) -> None:
        self.requests += 1

    def push(self, *, key: bool = False, body: bytes = b"p", count: int = 1) -> None:
        for _ in range(count):
            self._number += 1
            self.clock.now_s += 1 / 60
            self.fanout.push(
                AccessUnit(
                    nals=(bytes([0x65 if key else 0x41]) + body,),
                    pts_us=self._number * 16_667,
                    is_key=key,
                    width_px=720,
                    height_px=1280,
                )
            )

    def join(self, *, rtx: bool = True) -> tuple[RecordingTransport, VideoSender]:
        transport = RecordingTransport()
        sender = self.fanout.attach(
            transport,
            VideoParameters(
                mid="0",
                payload_type=102,
                rtx_payload_type=103 if rtx else None,
                extensions=ExtensionIds(mid=9),
                ssrc=SSRC,
                rtx_ssrc=RTX_SSRC,
                cname="c",
            ),
        )
        return transport, sender


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    clock = Clock()
    monkeypatch.setattr(fanout_module, "time", clock)
    return Stage(clock)


def bodies(packets: list[RtpPacket]) -> list[bytes]:
    return [packet.payload[1:] for packet in packets]


def is_behind(sender: VideoSender) -> bool:
    return sender.is_behind


def assert_contiguous(packets: list[RtpPacket]) -> None:
    for before, after in itertools.pairwise(packets):
        assert after.sequence_number == (before.sequence_number + 1) & 0xFFFF
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF < 1 << 31


def test_each_viewer_gets_each_picture_with_its_own_numbers(stage: Stage) -> None:
    first, _ = stage.join()
    second, _ = stage.join()
    stage.push(key=True, body=b"key")
    stage.push(body=b"one")
    for transport in (first, second):
        assert bodies(transport.packets) == [b"key", b"one"]
        assert [packet.marker for packet in transport.packets] == [1, 1]
        assert_contiguous(transport.packets)
    assert stage.fanout.stats.packets == 2


def test_a_picture_is_sent_in_one_call_of_equal_packets(stage: Stage) -> None:
    transport, _ = stage.join()
    stage.push(key=True, body=bytes(10_000))
    assert transport.sends == [9]
    assert {len(packet.payload) for packet in transport.packets[:-1]} == {1114}
    assert all(len(packet.payload) <= MAX_PAYLOAD_BYTES for packet in transport.packets)
    assert [packet.marker for packet in transport.packets] == [0] * 8 + [1]


def test_without_a_key_frame_a_viewer_waits_and_one_is_requested(stage: Stage) -> None:
    transport, sender = stage.join()
    assert stage.requests == 1
    assert sender.waits_for_key_frame
    stage.push(body=b"p")
    assert transport.packets == []
    assert stage.fanout.stats.pictures_dropped == 1
    stage.push(key=True, body=b"key")
    assert bodies(transport.packets) == [b"key"]


def test_a_late_viewer_gets_the_gop_at_once_and_no_key_frame_is_asked_for(stage: Stage) -> None:
    stage.push(key=True, body=b"key")
    stage.push(body=b"one")
    stage.push(body=b"two")
    transport, _ = stage.join()
    assert bodies(transport.packets) == [b"key", b"one", b"two"]
    assert stage.requests == 0
    stage.push(body=b"three")
    assert bodies(transport.packets)[-1] == b"three"
    assert_contiguous(transport.packets)


def test_the_past_before_a_join_is_played_faster_than_it_was(stage: Stage) -> None:
    stage.push(key=True, body=b"key")
    stage.push(count=59)
    transport, _ = stage.join()
    while stage.fanout.catch_up():
        pass
    stage.push()
    stage.push()
    times = [packet.timestamp for packet in transport.packets]
    assert len(times) == 62
    assert (times[59] - times[0]) & 0xFFFFFFFF <= 59 * 1500 / 16 + 1
    assert (times[61] - times[60]) & 0xFFFFFFFF in {1499, 1500, 1501}
    assert_contiguous(transport.packets)


def test_a_large_backlog_is_sent_little_by_little(stage: Stage) -> None:
    stage.push(key=True, body=bytes(100_000))
    stage.push(body=bytes(100_000))
    transport, sender = stage.join()
    assert CATCH_UP_PACKETS <= len(transport.packets) < 2 * CATCH_UP_PACKETS
    assert is_behind(sender)
    stage.push(body=b"live")
    assert bodies(transport.packets)[-1] != b"live"
    while stage.fanout.catch_up():
        pass
    assert bodies(transport.packets)[-1] == b"live"
    assert not is_behind(sender)
    assert_contiguous(transport.packets)


@pytest.mark.parametrize("room", range(9))
def test_a_viewer_whose_socket_blocks_goes_on_where_it_stopped(stage: Stage, room: int) -> None:
    transport, sender = stage.join()
    other, _ = stage.join()
    stage.push(key=True, body=b"key")
    transport.room = room
    stage.push(body=bytes(10_000))
    assert len(other.packets) == 10
    assert len(transport.packets) == 1 + room
    assert sender.is_behind
    transport.room = 1_000_000
    assert not stage.fanout.catch_up()
    assert [p.payload for p in transport.packets] == [p.payload for p in other.packets]
    assert_contiguous(transport.packets)


def test_a_slow_viewer_is_cut_to_the_next_key_frame_without_a_gap(stage: Stage) -> None:
    transport, sender = stage.join()
    stage.push(key=True, body=b"key")
    transport.room = 0
    stage.push(body=b"lost")
    stage.push(body=b"lost too")
    requests = stage.requests
    stage.clock.now_s += MAX_LAG_S + 0.1
    stage.fanout.catch_up()
    assert sender.waits_for_key_frame
    assert stage.requests == requests + 1
    transport.room = 1_000_000
    stage.push(body=b"skipped")
    assert stage.requests == requests + 1
    stage.push(key=True, body=b"new key")
    assert bodies(transport.packets) == [b"key", b"new key"]
    assert sender.stats.packets_skipped == 3
    assert_contiguous(transport.packets)


def test_a_key_frame_overtakes_a_backlog(stage: Stage) -> None:
    transport, sender = stage.join()
    stage.push(key=True, body=b"key")
    transport.room = 0
    stage.push(body=b"lost")
    transport.room = 1_000_000
    stage.push(key=True, body=b"new key")
    stage.fanout.catch_up()
    assert bodies(transport.packets) == [b"key", b"new key"]
    assert not sender.is_behind
    assert_contiguous(transport.packets)


def nack(*sequences: int) -> Feedback:
    return Feedback(nacks=[(SSRC, sequence) for sequence in sequences])


def test_a_lost_packet_is_sent_again_as_rtx(stage: Stage) -> None:
    transport, sender = stage.join()
    stage.push(key=True, body=bytes(5000))
    stage.push(body=b"one")
    lost = transport.packets[2]
    assert not sender.handle_feedback(nack(lost.sequence_number), 1.0)
    again = transport.packets[-1]
    assert (again.ssrc, again.payload_type) == (RTX_SSRC, 103)
    original = unwrap_rtx(again, payload_type=102, ssrc=SSRC)
    assert original.sequence_number == lost.sequence_number
    assert original.timestamp == lost.timestamp
    assert original.payload == lost.payload
    assert original.marker == lost.marker
    assert sender.stats.retransmitted_packets == 1


def test_a_packet_that_was_never_sent_is_not_sent_again(stage: Stage) -> None:
    stage.push(key=True, body=b"key")
    transport, sender = stage.join()
    first = transport.packets[0].sequence_number
    sender.handle_feedback(
        nack(first - 1 & 0xFFFF, first + 1 & 0xFFFF, first + 30_000 & 0xFFFF), 1.0
    )
    assert len(transport.packets) == 1
    assert sender.stats.nacked_packets == 3


def test_packets_before_a_cut_are_not_sent_again(stage: Stage) -> None:
    transport, sender = stage.join()
    stage.push(key=True, body=b"key")
    old = transport.packets[0].sequence_number
    transport.room = 0
    stage.push(body=b"lost")
    transport.room = 1_000_000
    stage.push(key=True, body=b"new key")
    stage.fanout.catch_up()
    sent = len(transport.packets)
    sender.handle_feedback(nack(old), 1.0)
    assert len(transport.packets) == sent


def test_without_rtx_nothing_is_sent_twice(stage: Stage) -> None:
    transport, sender = stage.join(rtx=False)
    stage.push(key=True, body=b"key")
    sender.handle_feedback(nack(transport.packets[0].sequence_number), 1.0)
    assert len(transport.packets) == 1


def test_retransmissions_are_limited_between_reports(stage: Stage) -> None:
    transport, sender = stage.join()
    stage.push(key=True, body=b"key")
    sequence = transport.packets[0].sequence_number
    for _ in range(3):
        sender.handle_feedback(nack(*[sequence] * 1000), 1.0)
    assert sender.stats.retransmitted_packets == 1024
    sender.send_report(2.0)
    sender.handle_feedback(nack(sequence), 2.0)
    assert sender.stats.retransmitted_packets == 1025


def test_a_key_frame_that_a_viewer_asks_for_is_told(stage: Stage) -> None:
    _, sender = stage.join()
    assert sender.handle_feedback(Feedback(key_frames_wanted=[SSRC]), 1.0)
    assert not sender.handle_feedback(Feedback(key_frames_wanted=[SSRC + 1]), 1.0)


def test_reports_become_loss_and_bandwidth(stage: Stage) -> None:
    _, sender = stage.join()
    report = ReceptionReport(
        ssrc=SSRC,
        fraction_lost=0.25,
        packets_lost=4,
        jitter_ticks=900,
        last_sender_report=0,
        delay_since_sender_report=0,
    )
    arrivals = TransportFeedback(base_sequence=0, count=0, arrivals=(1, None, 2))
    sender.handle_feedback(
        Feedback(reports=[report], bandwidth_bps=5_000_000, transport=[arrivals]), 1.0
    )
    assert (sender.stats.packets_reported, sender.stats.packets_not_arrived) == (3, 1)
    assert sender.stats.jitter_s == 0.01
    assert sender.stats.fraction_lost == 0.25
    assert sender.stats.available_bps == 5_000_000
    assert sender.stats.round_trip_s is None


def test_no_report_before_the_first_packet(stage: Stage) -> None:
    transport, sender = stage.join()
    sender.send_report(1.0)
    assert transport.control == []
    stage.push(key=True)
    sender.send_report(1.0)
    assert len(transport.control) == 1


def test_the_last_picture_stays_for_new_viewers_while_the_source_is_away(stage: Stage) -> None:
    transport, _ = stage.join()
    stage.push(key=True, body=b"old")
    stage.fanout.reset()
    late, _ = stage.join()
    assert bodies(late.packets) == [b"old"]
    stage.push(body=b"of an unknown GOP")
    assert bodies(transport.packets) == [b"old"]
    stage.push(key=True, body=b"new")
    assert bodies(transport.packets) == bodies(late.packets) == [b"old", b"new"]
    assert_contiguous(transport.packets)


def test_a_viewer_that_left_gets_nothing(stage: Stage) -> None:
    transport, sender = stage.join()
    stage.fanout.detach(sender)
    stage.push(key=True)
    assert transport.packets == []


def test_a_picture_that_cannot_be_packetized_costs_its_gop_and_no_more(stage: Stage) -> None:
    transport, _ = stage.join()
    stage.push(key=True, body=b"key")
    requests = stage.requests
    stage.fanout.push(
        AccessUnit(nals=(b"",), pts_us=1 << 40, is_key=False, width_px=720, height_px=1280)
    )
    stage.push(body=b"of no use")
    assert stage.requests == requests + 1
    assert stage.fanout.stats.pictures_dropped == 2
    stage.push(key=True, body=b"new key")
    assert bodies(transport.packets) == [b"key", b"new key"]
    assert_contiguous(transport.packets)


def test_a_viewer_that_leaves_asks_for_nothing(stage: Stage) -> None:
    stage.push(key=True)
    _, sender = stage.join()
    stage.fanout.detach(sender)
    stage.fanout.on_key_frame_wanted(sender)
    assert stage.requests == 0


def test_nobody_on_a_lower_rung_means_no_transcode(stage: Stage) -> None:
    stage.push(key=True)
    _, sender = stage.join()
    for _ in range(30):
        stage.push(count=60)
        stage.fanout.adapt(stage.clock.now_s)
    assert sender.stats.rung == "passthrough"
    assert not [t for t in threading.enumerate() if t.name.startswith("transcode-")]
