"""One encoding of the phone's picture: its packets, and the viewers that are sent them."""

from cloudphone_streamer.encode.rungs import Rung
from cloudphone_streamer.rtp.packet_log import PacketLog
from cloudphone_streamer.rtp.sender import VideoSender


class VideoStream:
    """
    A rung of the ladder in use.

    Args:
        rung: Which.
    """

    def __init__(self, rung: Rung) -> None:
        self.rung = rung
        self.log = PacketLog()
        self.senders: list[VideoSender] = []
        self.arriving: list[VideoSender] = []
        """Viewers that come from another rung with this one's next key frame."""
        self.idle_since_s: float | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether any viewer is here or on its way."""
        return bool(self.senders or self.arriving)

    def distribute(self, now_s: float) -> bool:
        """
        Send what has just been appended to everybody without a backlog.

        Returns:
            Whether any of them gave up its place and needs a new key frame.
        """
        gave_up = False
        for sender in self.senders:
            if not sender.is_behind:
                gave_up |= sender.advance(now_s)
        return gave_up
