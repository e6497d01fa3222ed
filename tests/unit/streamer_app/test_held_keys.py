from cloudphone_protocol.channel import Key, KeyAction
from cloudphone_streamer.viewers.held_keys import MAX_HELD_KEYS, HeldKeys


def key(action: KeyAction, key_code: int, repeat: int = 0) -> Key:
    return Key(type="key", action=action, key_code=key_code, repeat=repeat)


def test_keys_that_are_down_are_released_once() -> None:
    held = HeldKeys()
    held.apply(key(KeyAction.DOWN, 59))
    held.apply(key(KeyAction.DOWN, 29, repeat=4))
    held.apply(key(KeyAction.DOWN, 30))
    held.apply(key(KeyAction.UP, 30))
    assert held.release_all() == (key(KeyAction.UP, 59), key(KeyAction.UP, 29))
    assert held.release_all() == ()


def test_up_without_down_is_dropped() -> None:
    assert HeldKeys().apply(key(KeyAction.UP, 29)) is None


def test_nobody_holds_more_keys_than_fit_under_ten_fingers() -> None:
    held = HeldKeys()
    taken = [held.apply(key(KeyAction.DOWN, code)) for code in range(100)]
    assert sum(event is not None for event in taken) == MAX_HELD_KEYS
    assert held.apply(key(KeyAction.DOWN, 0, repeat=1)) is not None
