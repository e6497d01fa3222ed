"""RTP headers, byte by byte."""

from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket

from cloudphone_streamer.rtp.packet import ExtensionIds, ExtensionUri, HeaderWriter, send_time_of

ALL = ExtensionIds(mid=9, abs_send_time=3, transport_sequence=4, playout_delay=6)


def header(extensions: ExtensionIds, *, mid: str = "0", marker: bool = True) -> bytes:
    writer = HeaderWriter(payload_type=102, ssrc=0x11223344, mid=mid, extensions=extensions)
    buffer = bytearray(b"\xff" * 64)
    writer.write(memoryview(buffer), marker, 0x1234, 0xA0B0C0D0, 0x0A0B0C, 0x5678)
    assert buffer[writer.size_bytes :] == b"\xff" * (64 - writer.size_bytes)
    return bytes(buffer[: writer.size_bytes])


def test_every_field_of_a_header_with_all_extensions() -> None:
    assert header(ALL) == bytes.fromhex(
        "90"  # version 2, extension
        "e6"  # marker, payload type 102
        "1234"  # sequence number
        "a0b0c0d0"  # time stamp
        "11223344"  # SSRC
        "bede"
        "0004"  # one-byte form, 4 words
        "32"
        "0a0b0c"  # id 3, 3 bytes: absolute send time
        "00"  # padding: what follows lies at an even offset
        "41"
        "5678"  # id 4, 2 bytes: transport-wide sequence number
        "90"
        "30"  # id 9, 1 byte: mid "0"
        "62"
        "000000"  # id 6, 3 bytes: least and most playout delay 0
        "0000"  # padding
    )


def test_extensions_that_were_not_negotiated_are_padding_of_the_same_length() -> None:
    assert header(ExtensionIds(abs_send_time=3), marker=False) == bytes.fromhex(
        "90661234a0b0c0d011223344bede0004320a0b0c000000000000000000000000"
    )


def test_a_mid_that_fits_no_one_byte_element_is_left_out() -> None:
    assert len(header(ALL, mid="m" * 17)) == len(header(ALL, mid="0")) - 4 + 0
    assert b"m" not in header(ALL, mid="m" * 17)


def test_a_run_laid_out_once_and_filled_in_is_what_single_headers_make() -> None:
    writer = HeaderWriter(payload_type=102, ssrc=0x11223344, mid="0", extensions=ALL)
    payloads = (b"first.", b"second", b"end")
    image = writer.image(payloads, timestamp=7, ends_picture=True, trailer_bytes=10)
    stride = writer.size_bytes + 6 + 10
    assert len(image) == 3 * stride - 3
    buffer = memoryview(bytearray(256))
    buffer[: len(image)] = image
    writer.fill(buffer.cast("H"), 3, stride, 0xFFFF, 0x0A0B0C, 0xFFFE)
    single = memoryview(bytearray(writer.size_bytes))
    for position, payload in enumerate(payloads):
        sequence, transport_sequence = (0xFFFF + position) & 0xFFFF, (0xFFFE + position) & 0xFFFF
        writer.write(single, position == 2, sequence, 7, 0x0A0B0C, transport_sequence)
        packet = bytes(buffer[position * stride : position * stride + stride])
        assert packet.startswith(bytes(single) + payload + bytes(10))


def test_an_image_serves_every_viewer_with_the_same_layout() -> None:
    def layout(*, ssrc: int = 1, payload_type: int = 102, mid: str = "0") -> bytes:
        return HeaderWriter(payload_type=payload_type, ssrc=ssrc, mid=mid, extensions=ALL).layout

    assert layout() == layout(ssrc=2)
    assert len({layout(), layout(payload_type=96), layout(mid="1")}) == 3


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
