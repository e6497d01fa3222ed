"""Keys that one viewer holds down, so that they can be let go when it leaves; pure."""

from cloudphone_protocol.channel import Key, KeyAction

MAX_HELD_KEYS = 32
"""Hardly more fit under ten fingers."""


class HeldKeys:
    """The keys of one viewer that are down."""

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}

    def apply(self, key: Key) -> Key | None:
        """Follow one key; None if it is to be dropped: up without down, or a key too many."""
        if key.action is KeyAction.UP:
            return key if self._keys.pop(key.key_code, None) else None
        if len(self._keys) >= MAX_HELD_KEYS and key.key_code not in self._keys:
            return None
        self._keys[key.key_code] = key
        return key

    def release_all(self) -> tuple[Key, ...]:
        """Let all keys go; returns the events that do so."""
        keys = tuple(self._keys.values())
        self._keys.clear()
        return tuple(key.model_copy(update={"action": KeyAction.UP, "repeat": 0}) for key in keys)
