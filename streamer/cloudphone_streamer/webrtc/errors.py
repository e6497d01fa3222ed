"""
The exceptions of this package.

    WebRtcError
    +-- PortBusy                no port of the range is free
    +-- InvalidAddress          a candidate address is no IP address
    +-- MalformedOffer          SDP that cannot be answered
    +-- NoCommonCodec           an offer without a codec that is served here
    +-- UnknownViewer           no viewer has this id, or it is gone
    +-- MalformedFragment       a trickle ICE fragment that cannot be read
"""

from cloudphone_streamer.errors import StreamerError


class WebRtcError(StreamerError):
    """Base of every error of the `webrtc` package."""


class PortBusy(WebRtcError):
    """No port of the range is free; the text says what to do."""


class InvalidAddress(WebRtcError):
    """A candidate address is no IP address."""


class MalformedOffer(WebRtcError):
    """The SDP cannot be answered; the text names the line or what is missing."""


class NoCommonCodec(WebRtcError):
    """The offer has no codec that is served here; the text names those that it has."""


class UnknownViewer(WebRtcError):
    """No viewer has this id, or it is gone."""


class MalformedFragment(WebRtcError):
    """A trickle ICE fragment (RFC 8840) cannot be read."""
