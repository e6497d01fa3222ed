"""The command that starts the server on the phone; pure."""

from dataclasses import dataclass

from cloudphone_protocol.session import Video

VERSION = "3.3.4"

_CLASS = "com.genymobile.scrcpy.Server"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """
    What is asked of the server.

    Only integers: the command goes to the phone's shell, so no text from outside has a place here.

    Args:
        scid: Tells servers on one phone apart; 31 bits, random.
        max_size_px: Limit of the longer side.
        max_fps: Limit of the frame rate.
        bitrate_bps: What the encoder aims at.
        key_frame_interval_s: Seconds between key frames while the picture moves.
    """

    scid: int
    max_size_px: int
    max_fps: int
    bitrate_bps: int
    key_frame_interval_s: int

    @classmethod
    def from_video(cls, video: Video, *, scid: int) -> "ServerOptions":
        """Options for what a session document asks for."""
        return cls(
            scid=scid,
            max_size_px=video.max_size_px,
            max_fps=video.max_fps,
            bitrate_bps=video.bitrate_bps,
            key_frame_interval_s=video.key_frame_interval_seconds,
        )

    @property
    def socket_name(self) -> str:
        """Name of the abstract socket on which the server waits."""
        return f"scrcpy_{self.scid:08x}"

    def to_command(self, jar_path: str) -> str:
        """
        The shell command.

        `exec`, so that the signal that ends the command reaches the server and not a shell.

        Args:
            jar_path: The server's file on the phone; a constant of ours.
        """
        arguments = {
            "scid": f"{self.scid:08x}",
            "log_level": "info",
            "tunnel_forward": "true",
            "audio": "false",
            "max_size": str(self.max_size_px),
            "max_fps": str(self.max_fps),
            "video_bit_rate": str(self.bitrate_bps),
            "video_codec_options": f"i-frame-interval={self.key_frame_interval_s}",
            # What is copied on the phone is nobody's business; the default sends it to us.
            "clipboard_autosync": "false",
            # The default starts a second process on the phone that restores settings of which we
            # change none, and deletes the server's file, which we keep.
            "cleanup": "false",
        }
        words = " ".join(f"{name}={value}" for name, value in arguments.items())
        return f"export CLASSPATH={jar_path}; exec app_process / {_CLASS} {VERSION} {words}"
