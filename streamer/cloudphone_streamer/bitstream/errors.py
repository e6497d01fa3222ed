"""
What can be wrong with a bitstream.

    StreamerError
    +-- BitstreamError   bytes that are no H.264, or of a kind that is not supported
"""

from cloudphone_streamer.errors import StreamerError


class BitstreamError(StreamerError):
    """The bytes are no H.264, or of a kind that is not supported."""
