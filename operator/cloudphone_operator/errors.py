"""
The root of this package's exceptions.

    OperatorError
    +-- kube.errors.KubeError      what the API server refused, or that it could not be reached
    +-- ports.errors.PortError     why no media port could be given
    +-- ticket.TicketError         why no ticket could be issued
    +-- settings.SettingsError     an environment variable that cannot be used
"""


class OperatorError(Exception):
    """Base of every error that this package raises."""
