"""Checked access to the fields of a raw API object; errors name the field and what was expected."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from cloudphone_operator.errors import OperatorError
from cloudphone_operator.parse.times import parse_time

_Enum = TypeVar("_Enum", bound=StrEnum)


class ParseError(OperatorError):
    """A raw object does not have the expected form; the text names the field."""


class Fields:
    """
    One JSON object and where it lies.

    Args:
        raw: The object; null counts as empty, as in the Kubernetes API.
        path: Its place in the whole, for errors.
    """

    __slots__ = ("_path", "_raw")

    def __init__(self, raw: object, path: str = "") -> None:
        if raw is None:
            raw = {}
        if not isinstance(raw, Mapping):
            raise ParseError(f"{path or 'object'} is {raw!r:.80}; expected an object")
        self._raw: Mapping[Any, Any] = raw
        self._path = path

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._raw.get(name) is not None

    def child(self, name: str) -> "Fields":
        """The object in a field; an absent one is empty."""
        return Fields(self._raw.get(name), self._at(name))

    def children(self, name: str) -> Iterator["Fields"]:
        """The objects in a list; an absent one is empty."""
        for index, item in enumerate(self._list(name)):
            yield Fields(item, f"{self._at(name)}[{index}]")

    def text(self, name: str, default: str | None = None) -> str:
        """A string; without `default` it must be there."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None if it is absent."""
        return self.text(name) if self.has(name) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; an absent one is empty."""
        values = self._list(name)
        for value in values:
            if not isinstance(value, str):
                raise self._wrong(name, value, "strings")
        return tuple(values)

    def text_map(self, name: str) -> dict[str, str]:
        """An object of strings, such as labels; an absent one is empty."""
        items = self.child(name)._raw  # noqa: SLF001 - another object of this class
        for key, value in items.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise self._wrong(name, value, "an object of strings")
        return dict(items)

    def quantities(self, name: str) -> tuple[tuple[str, str], ...]:
        """Quantities by resource name, sorted; a whole number may come as an integer."""
        items = self.child(name)._raw  # noqa: SLF001 - another object of this class
        for value in items.values():
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise self._wrong(name, value, "quantities")
        return tuple(sorted((str(key), str(value)) for key, value in items.items()))

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number; without `default` it must be there."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, value, "a whole number")
        return value

    def optional_integer(self, name: str) -> int | None:
        """A whole number, or None if it is absent."""
        return self.integer(name) if self.has(name) else None

    def boolean(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def choice(self, name: str, kind: type[_Enum], default: _Enum | None = None) -> _Enum:
        """One of an enumeration's values; without `default` it must be there."""
        value = self._value(name, default)
        try:
            return kind(value)
        except ValueError:
            raise self._wrong(name, value, f"one of {', '.join(kind)}") from None

    def time(self, name: str) -> datetime:
        """A time, which must be there."""
        value = self.text(name)
        try:
            return parse_time(value)
        except ValueError:
            raise self._wrong(name, value, "an RFC 3339 time") from None

    def optional_time(self, name: str) -> datetime | None:
        """A time, or None if it is absent."""
        return self.time(name) if self.has(name) else None

    def raw(self, name: str) -> Any:
        """The field as it is, for those who validate it themselves; None if it is absent."""
        return self._raw.get(name)

    def _list(self, name: str) -> list[Any]:
        value = self._value(name, ())
        if not isinstance(value, list | tuple):
            raise self._wrong(name, value, "a list")
        return list(value)

    def _value(self, name: str, default: object) -> Any:
        value = self._raw.get(name)
        if value is not None:
            return value
        if default is None:
            raise ParseError(f"{self._at(name)} is absent; expected a value")
        return default

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _wrong(self, name: str, value: object, expected: str) -> ParseError:
        return ParseError(f"{self._at(name)} is {value!r:.80}; expected {expected}")
