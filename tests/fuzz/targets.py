"""Name -> target: every parser that reads the network. A target takes bytes and may not raise."""

from collections.abc import Callable

from tests.fuzz import documents, from_phones, from_viewers

TARGETS: dict[str, Callable[[bytes], None]] = {
    "offer": from_viewers.offer,
    "trickle": from_viewers.trickle,
    "stun": from_viewers.stun,
    "packets": from_viewers.packets,
    "framing": from_viewers.framing,
    "dtls": from_viewers.dtls,
    "rtcp": from_viewers.rtcp,
    "transport_cc": from_viewers.transport_cc,
    "sctp_guard": from_viewers.sctp_guard,
    "sctp": from_viewers.sctp,
    "message": from_viewers.message,
    "nal": from_phones.nal,
    "sps": from_phones.sps,
    "access_units": from_phones.access_units,
    "scrcpy_video": from_phones.scrcpy_video,
    "adb_wire": from_phones.adb_wire,
    "adb_shell": from_phones.adb_shell,
    "adb_connection": from_phones.adb_connection,
    "ticket": documents.ticket,
    "session_document": documents.session_document,
    "report": documents.report,
}
