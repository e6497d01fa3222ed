"""`setprop NAME VALUE`: set a system property."""

import sys

from dev.phone.framework_client import FrameworkClient


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: setprop NAME VALUE", file=sys.stderr)
        return 1
    name, value = arguments
    framework = FrameworkClient()
    # A read-only property can be set once, as in Android's property service.
    if name.startswith("ro.") and name in framework.state.properties:
        print(f"Failed to set property '{name}' to '{value}'.", file=sys.stderr)
        return 1
    framework.send("property", name=name, value=value)
    framework.close()
    return 0
