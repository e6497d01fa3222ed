"""The addresses of this machine, for where nobody named those that viewers reach."""

from ipaddress import ip_address

import ifaddr

LOOPBACK = "127.0.0.1"


def machine_addresses() -> tuple[str, ...]:
    """
    Addresses of all interfaces but loopback and link-local ones; IPv4 first.

    On a machine without any, the loopback address.
    """
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ip_address(text)
            if not address.is_loopback and not address.is_link_local:
                found.append(text)
    found.sort(key=lambda text: ip_address(text).version)
    return tuple(found) or (LOOPBACK,)
