"""What is counted, as values for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerStats:
    """One viewer at this moment; see `rtp.sender.SenderStats`."""

    viewer_id: str
    is_connected: bool
    packets_sent: int
    bytes_sent: int
    packets_skipped: int
    nacked_packets: int
    retransmitted_packets: int
    key_frame_requests: int
    fraction_lost: float
    jitter_s: float
    round_trip_s: float | None
    available_bps: int | None
    target_bps: int | None
    rung: str
    rung_reason: str
    packets_reported: int
    packets_not_arrived: int
    malformed_packets: int
    messages_dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStats:
    """
    All viewers since the start; counts include those of viewers that are gone.

    Args:
        viewers: Accepted and not closed.
        connected_viewers: Those that media can flow to.
        packets_sent: RTP packets, retransmissions excluded.
        bytes_sent: Their payload.
        packets_skipped: Not sent, because a viewer was too slow.
        nacked_packets: Reported missing by viewers.
        retransmitted_packets: Sent again.
        key_frame_requests: By viewers, and for viewers that could not join otherwise.
        malformed_packets: RTCP that was forged, replayed or broken.
        messages_dropped: On data channels: too long, or the viewer did not read them.
        datagrams_received: By the port, packets of TCP viewers included.
        datagrams_dropped: That belonged to no viewer.
        viewers_by_rung: Connected viewers on each rung that has any.
        rung_changes: Moves of viewers between rungs, by reason.
        sends_blocked: That found no room, in the kernel or in a TCP viewer's buffer.
        sends_failed: That ended in another error, such as an unreachable network.
        per_viewer: Those that are there now.
    """

    viewers: int
    connected_viewers: int
    packets_sent: int
    bytes_sent: int
    packets_skipped: int
    nacked_packets: int
    retransmitted_packets: int
    key_frame_requests: int
    malformed_packets: int
    messages_dropped: int
    datagrams_received: int
    datagrams_dropped: int
    viewers_by_rung: Mapping[str, int]
    rung_changes: Mapping[str, int]
    sends_blocked: int
    sends_failed: int
    per_viewer: tuple[ViewerStats, ...]
