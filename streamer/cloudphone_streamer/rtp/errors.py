"""
The exceptions of this package.

    RtpError
    +-- PacketizationError      a picture that cannot be put into RTP packets
    +-- MalformedRtcp           a control packet that follows no RFC
"""

from cloudphone_streamer.errors import StreamerError


class RtpError(StreamerError):
    """Base of every error of the `rtp` package."""


class PacketizationError(RtpError):
    """A picture cannot be put into RTP packets."""


class MalformedRtcp(RtpError):
    """A control packet follows no RFC; the text names what is wrong."""
