"""
Why a media port could not be given.

    PortError
    +-- NoPortFree       all are taken, or the node's class allows no more sessions
    +-- NodeUnknown      the node does not exist
    +-- LedgerContended  others kept writing; try again
"""

from cloudphone_operator.errors import OperatorError


class PortError(OperatorError):
    """Base of this package's errors."""


class NoPortFree(PortError):
    """No port can be given now; the text says what takes them."""


class NodeUnknown(PortError):
    """There is no such node."""


class LedgerContended(PortError):
    """Every attempt met another writer; the text has the last refusal."""
