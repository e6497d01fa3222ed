"""
What Android's key codes type into a focused text field. Pure.

See `android.view.KeyEvent` for the numbers, and Android's `Virtual.kcm` for the characters.
"""

import unicodedata

META_SHIFT_ON = 0x1
META_CTRL_ON = 0x1000
META_CAPS_LOCK_ON = 0x100000

KEYCODE_HOME = 3
KEYCODE_BACK = 4
KEYCODE_A = 29
KEYCODE_C = 31
KEYCODE_V = 50
KEYCODE_X = 52
KEYCODE_ENTER = 66
KEYCODE_DEL = 67
KEYCODE_POWER = 26
KEYCODE_WAKEUP = 224
KEYCODE_SLEEP = 223
KEYCODE_CUT = 277
KEYCODE_COPY = 278
KEYCODE_PASTE = 279

# Key code: the character alone and with Shift.
_CHARACTERS = {
    7: "0)",
    8: "1!",
    9: "2@",
    10: "3#",
    11: "4$",
    12: "5%",
    13: "6^",
    14: "7&",
    15: "8*",
    16: "9(",
    17: "**",
    18: "##",
    55: ",<",
    56: ".>",
    62: "  ",
    68: "`~",
    69: "-_",
    70: "=+",
    71: "[{",
    72: "]}",
    73: "\\|",
    74: ";:",
    75: "'\"",
    76: "/?",
    77: "@@",
    81: "++",
    **{KEYCODE_A + i: chr(ord("a") + i) + chr(ord("A") + i) for i in range(26)},
}
# Dead keys of the virtual keyboard: grave, acute, circumflex, tilde, diaeresis.
_COMBINING_MARKS = frozenset("\u0300\u0301\u0302\u0303\u0308")


def character_of(keycode: int, meta_state: int) -> str | None:
    """Return the character that a key types, or None if it types none."""
    pair = _CHARACTERS.get(keycode)
    if pair is None or meta_state & META_CTRL_ON:
        return None
    shifted = bool(meta_state & META_SHIFT_ON)
    if pair[0].isalpha() and meta_state & META_CAPS_LOCK_ON:
        shifted = not shifted
    return pair[shifted]


def can_be_injected(character: str) -> bool:
    """
    Tell whether the virtual keyboard has key events for a character.

    It has them for printable ASCII and for letters that its dead keys compose; scrcpy drops every
    other character of an "inject text" message with a warning.
    """
    decomposed = unicodedata.normalize("NFD", character)
    if any(mark not in _COMBINING_MARKS for mark in decomposed[1:]):
        return False
    return " " <= decomposed[0] <= "~" or decomposed[0] == "\n"
