"""The node's network: a bridge that is the node's address and the pods' gateway, and its CNI."""

import ipaddress
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.cluster.local import layout
from dev.tools import command, files
from dev.tools.errors import DevError


def cni_configuration(leases: Path) -> dict[str, Any]:
    """
    Return the CNI network list: pods on the bridge, host ports by portmap.

    See the CNI specification, "Network configuration format".

    Args:
        leases: folder where the addresses in use are kept.
    """
    return {
        "cniVersion": "0.4.0",
        "name": layout.NETWORK_NAME,
        "plugins": [
            {
                "type": "bridge",
                "bridge": layout.BRIDGE,
                "isGateway": True,
                # A pod may reach itself through its own Service or host port.
                "hairpinMode": True,
                "ipMasq": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(leases),
                    "ranges": [
                        [
                            {
                                "subnet": layout.POD_SUBNET,
                                "rangeStart": layout.POD_FIRST,
                                "rangeEnd": layout.POD_LAST,
                                "gateway": layout.NODE_ADDRESS,
                            }
                        ]
                    ],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def write_cni_configuration(folder: Path, leases: Path) -> None:
    """Write the network list where containerd looks for it."""
    text = json.dumps(cni_configuration(leases), indent=1)
    files.write_private(folder / "10-cloudphone.conflist", text)


def overlap(addresses: Sequence[Mapping[str, Any]]) -> str | None:
    """
    Return the interface that uses the cluster's addresses, if another than its bridge does.

    Args:
        addresses: the output of `ip -json address`.
    """
    wanted = [ipaddress.ip_network(text) for text in layout.RANGES]
    for interface in addresses:
        if interface.get("ifname") == layout.BRIDGE:
            continue
        for entry in interface.get("addr_info", ()):
            if entry.get("family") == "inet":
                used = ipaddress.ip_interface(f"{entry['local']}/{entry['prefixlen']}").network
                if any(used.overlaps(network) for network in wanted):
                    return str(interface["ifname"])
    return None


def check_range() -> None:
    """
    Make sure that nobody else uses the cluster's addresses.

    Raises:
        DevError: If an interface has one of them.
    """
    name = overlap(json.loads(command.run([_ip(), "-json", "address"])))
    if name is not None:
        raise DevError(
            f"interface {name} uses addresses of {' or '.join(layout.RANGES)}, which the local"
            " cluster needs; stop what made it (often a VPN or proxy that gives out fake addresses)"
        )


def ensure_bridge() -> None:
    """Make the bridge with the node's address, unless it is there."""
    if not _exists(layout.BRIDGE):
        command.run([_ip(), "link", "add", layout.BRIDGE, "type", "bridge"])
    command.run([_ip(), "address", "replace", layout.NODE_PREFIX, "dev", layout.BRIDGE])
    command.run([_ip(), "link", "set", layout.BRIDGE, "up"])


def remove_bridge() -> None:
    """Remove the bridge and every interface on it; a pod's end of its cable goes along."""
    if not _exists(layout.BRIDGE):
        return
    members = json.loads(command.run([_ip(), "-json", "link", "show", "master", layout.BRIDGE]))
    for member in members:
        if _exists(member["ifname"]):
            command.run([_ip(), "link", "delete", member["ifname"]])
    command.run([_ip(), "link", "delete", layout.BRIDGE])


def forget_connections() -> None:
    """
    Drop the kernel's memory of connections with the cluster.

    Without it, UDP packets to a host port of the next cluster would go on to a pod of this one.
    """
    program = command.find("conntrack")
    if program is None:
        return
    directions = ("--orig-src", "--orig-dst", "--reply-src", "--reply-dst")
    for direction, addresses in itertools.product(directions, layout.RANGES):
        try:
            command.run([program, "-D", direction, addresses])
        except DevError:
            # Its status is 1 when no entry matched.
            continue


def _exists(interface: str) -> bool:
    return Path("/sys/class/net", interface).exists()


def _ip() -> Path:
    return command.find("ip") or Path("ip")
