"""ADB addresses as a session document writes them; pure."""

import ipaddress

from cloudphone_streamer.adb.errors import AdbUnreachable


def parse_address(address: str) -> tuple[str, int]:
    """
    Split `host:port`; the host is an IP address, IPv6 in brackets.

    Raises:
        AdbUnreachable: If it is something else: names are not resolved, so that an address says
            by itself which network it leads to.
    """
    host, _, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        parsed = ipaddress.ip_address(host[1:-1] if bracketed else host)
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        parsed, number = None, 0
    if parsed is None or bracketed != (parsed.version == 6) or not 0 < number < 65536:
        raise AdbUnreachable(
            f"device.address is {address!r:.80}; expected an IP address and a port, "
            "e.g. 10.0.0.7:5555 or [fd00::7]:5555"
        )
    return str(parsed), number
