"""
Dispatches `python -m dev.phone COMMAND ...`, which the scripts in /system/bin call.

Modules are imported by need: `getprop` must not wait for the video libraries.
"""

import importlib
import sys

_COMMANDS = (
    "app_process",
    "getprop",
    "init",
    "input",
    "screencap",
    "screenrecord",
    "setprop",
    "wm",
)


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in _COMMANDS:
        print(f"{name}: inaccessible or not found", file=sys.stderr)
        return 127
    module = importlib.import_module(f"dev.phone.commands.{name}")
    return int(module.main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
