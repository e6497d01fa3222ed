"""The one exception of the development cluster; its text is a sentence with the remedy."""


class ClusterError(Exception):
    """The cluster cannot be provided; the text says what is wrong and what to do."""
