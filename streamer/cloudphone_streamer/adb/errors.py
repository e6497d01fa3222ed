"""
What can go wrong between the streamer and the phone's ADB daemon.

    StreamerError
    +-- AdbError
        +-- AdbUnreachable         no TCP connection, or no ADB daemon behind it
        +-- AdbUnauthorized        the daemon does not accept our key
        +-- AdbTlsRequired         the daemon wants TLS ("wireless debugging")
        +-- AdbConnectionLost      an established connection has ended
        +-- AdbProtocolViolation   the daemon sent what no daemon sends
        +-- AdbServiceRefused      the daemon does not open the stream asked for
        +-- AdbStreamClosed        the phone closed one stream
        +-- AdbSyncFailed          a file could not be written
        +-- AdbKeyInvalid          our own key file holds no RSA key of 2048 bits
"""

from cloudphone_streamer.errors import StreamerError


class AdbError(StreamerError):
    """Base of every error of this part."""


class AdbUnreachable(AdbError):
    """No TCP connection to the phone, or no ADB daemon behind it."""


class AdbUnauthorized(AdbError):
    """The phone does not accept our key."""


class AdbTlsRequired(AdbError):
    """The phone wants ADB over TLS, which is not spoken here."""


class AdbConnectionLost(AdbError):
    """An established connection has ended."""


class AdbProtocolViolation(AdbError):
    """The phone sent what no ADB daemon sends; the connection is closed."""


class AdbServiceRefused(AdbError):
    """The phone did not open the stream that was asked for."""


class AdbStreamClosed(AdbError):
    """The phone closed the stream."""


class AdbSyncFailed(AdbError):
    """The phone did not take a file; the text is the phone's own."""


class AdbKeyInvalid(AdbError):
    """The file of our own key holds no RSA key of 2048 bits."""
