"""`wm size` and `wm density`: print the display's natural size and its density."""

import sys

from dev.phone.framework_client import FrameworkClient


def main(arguments: list[str]) -> int:
    state = FrameworkClient().state
    match arguments:
        case ["size"]:
            print(f"Physical size: {state.natural_size}")
        case ["density"]:
            print(f"Physical density: {state.properties['ro.sf.lcd_density']}")
        case _:
            print("usage: wm size | wm density", file=sys.stderr)
            return 1
    return 0
