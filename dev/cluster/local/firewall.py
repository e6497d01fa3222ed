"""
Finds the cluster's own rules in the machine's iptables, to remove these and no others.

`KUBE-*` chains are ours, because preflight refuses a machine that has another Kubernetes.
Chains of the CNI plugins are ours when a comment names our network; the plugins' shared
chains go when nobody else's rule is left in them.
"""

import re
from dataclasses import dataclass, field

from dev.cluster.local import layout
from dev.tools import command

OWN_CHAIN = "CLOUDPHONE"
_FAMILIES = ("iptables", "ip6tables")
# The portmap plugin writes `\"name\"` quoted, the bridge plugin writes it bare.
_OUR_NETWORK = re.compile(rf'name: \\?"{re.escape(layout.NETWORK_NAME)}\\?"')


@dataclass(slots=True, kw_only=True)
class Table:
    """One table of `iptables-save`."""

    name: str
    chains: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)


def parse(saved: str) -> list[Table]:
    """Read the text of `iptables-save`."""
    tables: list[Table] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            tables.append(Table(name=line[1:].strip()))
        elif line.startswith(":") and tables:
            tables[-1].chains.append(line[1:].split()[0])
        elif line.startswith("-A ") and tables:
            tables[-1].rules.append(line)
    return tables


def removal(saved: str) -> str:
    """
    Return what `iptables-restore --noflush` must read to remove the cluster's rules.

    Args:
        saved: the text of `iptables-save`.
    Returns:
        The commands; empty when there is nothing of ours.
    """
    parts = []
    for table in parse(saved):
        ours = _our_chains(table)
        # A rule in a chain of ours goes with the chain.
        rules = [
            rule
            for rule in table.rules
            if _chain(rule) not in ours and (_target(rule) in ours or _OUR_NETWORK.search(rule))
        ]
        if ours or rules:
            parts.append(f"*{table.name}")
            parts += [f"-D{rule.removeprefix('-A')}" for rule in rules]
            # All are emptied first: a chain that another one still jumps to cannot be deleted.
            parts += [f"-F {chain}" for chain in sorted(ours)]
            parts += [f"-X {chain}" for chain in sorted(ours)]
            parts.append("COMMIT")
    return "\n".join(parts) + "\n" if parts else ""


def has_other_kubernetes(saved: str) -> bool:
    """Tell whether a kube-proxy has its rules in the machine's tables."""
    return any("KUBE-SERVICES" in table.chains for table in parse(saved))


def saved_rules() -> dict[str, str]:
    """Return the text of `iptables-save` for each address family that the kernel has."""
    return {
        family: command.run([command.find(f"{family}-save") or f"{family}-save"])
        for family in _FAMILIES
        if command.find(f"{family}-save") is not None
    }


def remove() -> None:
    """Remove the cluster's rules and chains."""
    for family, saved in saved_rules().items():
        commands = removal(saved)
        if commands:
            _restore(family, commands)


def allow_pods() -> None:
    """Let the pods' packets pass, also where a firewall or a stopped Docker drops what is left."""
    filters = next(
        (table for table in parse(saved_rules()["iptables"]) if table.name == "filter"),
        Table(name="filter"),
    )
    has_jump = {_chain(rule) for rule in filters.rules if _target(rule) == OWN_CHAIN}
    commands = [
        "*filter",
        # Naming a chain makes it, or empties it.
        f":{OWN_CHAIN} - [0:0]",
        *(f"-A {OWN_CHAIN} {way} {layout.BRIDGE} -j ACCEPT" for way in ("-i", "-o")),
        *(
            f"-I {chain} 1 -j {OWN_CHAIN}"
            for chain in ("INPUT", "FORWARD")
            if chain not in has_jump
        ),
        "COMMIT",
    ]
    _restore("iptables", "\n".join(commands) + "\n")


def _restore(family: str, commands: str) -> None:
    program = command.find(f"{family}-restore") or f"{family}-restore"
    command.run([program, "--noflush", "-w", "10"], stdin=commands)


def _our_chains(table: Table) -> set[str]:
    ours = {chain for chain in table.chains if chain.startswith("KUBE-") or chain == OWN_CHAIN}
    ours |= {
        _target(rule)
        for rule in table.rules
        if _OUR_NETWORK.search(rule)
        and _target(rule).startswith("CNI-")
        and not _is_shared(_target(rule))
    }
    # A network's port mappings have a chain each, CNI-DN-..., below the shared ones.
    has_foreign = any(chain.startswith("CNI-DN-") and chain not in ours for chain in table.chains)
    if not has_foreign:
        ours |= {chain for chain in table.chains if _is_shared(chain)}
    return ours


def _is_shared(chain: str) -> bool:
    return chain.startswith("CNI-HOSTPORT-")


def _chain(rule: str) -> str:
    return rule.split(maxsplit=2)[1]


def _target(rule: str) -> str:
    words = rule.split()
    return words[words.index("-j") + 1] if "-j" in words else ""
