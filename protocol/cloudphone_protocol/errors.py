"""
The exceptions of this package.

    ProtocolError
    +-- InvalidMessage      a message that does not fit its type
    +-- InvalidTicket       a ticket that grants nothing
        +-- TicketExpired   one that did until a moment ago
"""


class ProtocolError(Exception):
    """Base of every error that this package raises."""


class InvalidMessage(ProtocolError):
    """A message does not fit its type; the text names field, value and expectation."""


class InvalidTicket(ProtocolError):
    """A ticket is malformed, expired, signed by another key or meant for another session."""


class TicketExpired(InvalidTicket):
    """A ticket of this session has expired: another one will do."""
