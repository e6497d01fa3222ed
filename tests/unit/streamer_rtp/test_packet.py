"""RTP headers, byte by byte."""

from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket

from cloudphone_streamer.rtp.packet import ExtensionIds, ExtensionUri, HeaderWriter, send_time_of

ALL = ExtensionIds(mid=9, abs_send_time=3, transport_sequence=4, playout_delay=6)


def header(extensions: ExtensionIds, *, mid: str = "0", marker: bool = True) -> bytes:
    writer = HeaderWriter(payload_type=102, ssrc=0x11223344, mid=mid, extensions=extensions)
    buffer = bytearray(b"\xff" * 64)
    writer.write(memoryview(buffer), 2, marker, 0x1234, 0xA0B0C0D0, 0x0A0B0C, 0x5678)
    assert buffer[:2] == b"\xff\xff"
    assert buffer[2 + writer.size_bytes :] == b"\xff" * (62 - writer.size_bytes)
    return bytes(buffer[2 : 2 + writer.size_bytes])


def test_every_field_of_a_header_with_all_extensions() -> None:
    assert header(ALL) == bytes.fromhex(
        "90"  # version 2, extension
        "e6"  # marker, payload type 102
        "1234"  # sequence number
        "a0b0c0d0"  # time stamp
        "11223344"  # SSRC
        "bede"
        "0004"  # one-byte form, 4 words
        "90"
        "30"  # id 9, 1 byte: mid "0"
        "62"
        "000000"  # id 6, 3 bytes: least and most playout delay 0
        "32"
        "0a0b0c"  # id 3, 3 bytes: absolute send time
        "41"
        "5678"  # id 4, 2 bytes: transport-wide sequence number
        "000000"  # padding
    )


def test_extensions_that_were_not_negotiated_are_padding_of_the_same_length() -> None:
    assert header(ExtensionIds(abs_send_time=3), marker=False) == bytes.fromhex(
        "90661234a0b0c0d011223344bede0004000000000000320a0b0c000000000000"
    )


def test_a_mid_that_fits_no_one_byte_element_is_left_out() -> None:
    assert len(header(ALL, mid="m" * 17)) == len(header(ALL, mid="0")) - 4 + 0
    assert b"m" not in header(ALL, mid="m" * 17)


def test_an_independent_parser_reads_the_extensions() -> None:
    extensions = HeaderExtensionsMap()
    extensions.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=9, uri=ExtensionUri.MID),
                RTCRtpHeaderExtensionParameters(id=3, uri=ExtensionUri.ABS_SEND_TIME),
                RTCRtpHeaderExtensionParameters(id=4, uri=ExtensionUri.TRANSPORT_SEQUENCE),
            ]
        )
    )
    packet = RtpPacket.parse(header(ALL, mid="video-0") + b"payload", extensions)
    assert packet.extensions.mid == "video-0"
    assert packet.extensions.abs_send_time == 0x0A0B0C
    assert packet.extensions.transport_sequence_number == 0x5678
    assert packet.payload == b"payload"
    assert (packet.marker, packet.payload_type, packet.ssrc) == (1, 102, 0x11223344)


def test_send_time_is_seconds_in_six_eighteen_fixed_point() -> None:
    assert send_time_of(1.5) == 0x060000
    assert send_time_of(64 + 1.5) == 0x060000
