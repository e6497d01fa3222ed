"""Something that happened and that people are told by an Event."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """
    Content of an Event.

    Args:
        reason: CamelCase word for machines.
        message: Sentence for people.
        action: What the operator did or was about, a CamelCase word.
        warning: Whether a person may have to act.
    """

    reason: str
    message: str
    action: str
    warning: bool = False
