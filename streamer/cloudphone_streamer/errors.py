"""
The exceptions of this package.

    StreamerError
    +-- SettingsError           an environment variable or a session file does not fit
    +-- PortUnavailable         a port that this process was given cannot be listened on
    +-- ViewerLimitReached      the session is full
    +-- (adb.errors, webrtc.errors, ...: each part's own errors derive from StreamerError)

An error's text is a sentence that a person can act on: what was found, and what was expected.
"""


class StreamerError(Exception):
    """Base of every error that this package raises."""


class SettingsError(StreamerError):
    """An environment variable or a session file does not fit; the text names it."""


class PortUnavailable(StreamerError):
    """A port that this process was given cannot be listened on; the text says why."""


class ViewerLimitReached(StreamerError):
    """The session has as many viewers as it admits."""
