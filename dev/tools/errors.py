"""The one exception of the development tools; its text is a sentence with the remedy."""


class DevError(Exception):
    """A development tool cannot do its work; the text says what is wrong and what to do."""
