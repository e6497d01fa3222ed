"""`input text|keyevent|tap|swipe`: one input event from a shell."""

import sys
import time

from dev.phone import keyboard
from dev.phone.framework_client import FrameworkClient

_USAGE = """\
usage: input text STRING            (%s stands for a space)
       input keyevent KEYCODE...
       input tap X Y
       input swipe X1 Y1 X2 Y2 [DURATION_MS]"""
_TAP_DURATION_MS = 50
_SWIPE_DURATION_MS = 300
_STEP_S = 1 / 60


def main(arguments: list[str]) -> int:
    framework = FrameworkClient()
    try:
        match arguments:
            case ["text", text]:
                typed = text.replace("%s", " ")
                framework.send("text", text="".join(filter(keyboard.can_be_injected, typed)))
            case ["keyevent", *keycodes] if keycodes:
                for keycode in keycodes:
                    framework.send("key_down", keycode=int(keycode), meta=0)
            case ["tap", x, y]:
                _drag(framework, (int(x), int(y)), (int(x), int(y)), _TAP_DURATION_MS)
            case ["swipe", x1, y1, x2, y2, *duration] if len(duration) <= 1:
                duration_ms = int(duration[0]) if duration else _SWIPE_DURATION_MS
                _drag(framework, (int(x1), int(y1)), (int(x2), int(y2)), duration_ms)
            case _:
                print(_USAGE, file=sys.stderr)
                return 1
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    framework.close()
    return 0


def _drag(
    framework: FrameworkClient, start: tuple[int, int], end: tuple[int, int], duration_ms: int
) -> None:
    started_s = time.monotonic()
    progress = 0.0
    while progress < 1:
        progress = min((time.monotonic() - started_s) * 1000 / max(duration_ms, 1), 1)
        framework.send(
            "finger_down",
            pointer=0,
            x=round(start[0] + (end[0] - start[0]) * progress),
            y=round(start[1] + (end[1] - start[1]) * progress),
        )
        time.sleep(_STEP_S)
    framework.send("finger_up", pointer=0)
