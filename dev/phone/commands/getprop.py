"""`getprop [NAME [DEFAULT]]`: print one system property, or all."""

from dev.phone.framework_client import FrameworkClient


def main(arguments: list[str]) -> int:
    properties = FrameworkClient().state.properties
    if arguments:
        default = arguments[1] if len(arguments) > 1 else ""
        print(properties.get(arguments[0]) or default)
    else:
        for name, value in sorted(properties.items()):
            print(f"[{name}]: [{value}]")
    return 0
