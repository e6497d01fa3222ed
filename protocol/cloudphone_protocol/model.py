"""
Base of every message: immutable, camelCase on the wire, tolerant of fields from the future.

An older streamer may be sent a newer document (an operator upgrade never restarts a live stream),
so unknown fields are ignored rather than refused.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from cloudphone_protocol.errors import InvalidMessage


def describe_validation_error(error: ValidationError) -> str:
    """One line a person can act on: `video.maxFps is 0; expected: input should be ...; ...`."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'message'} is {item['input']!r:.80}; "
        f"expected: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False)
    )


class Message(BaseModel):
    """A value that crosses a process boundary as JSON."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
    )

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """
        Read a message from JSON.

        Raises:
            InvalidMessage: If `data` is no JSON or does not fit; the text names the field.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise InvalidMessage(describe_validation_error(error)) from None

    def to_json(self) -> str:
        """The message as compact JSON with camelCase names; absent fields are left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True)
