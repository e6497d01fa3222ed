"""
What the next ledger of a node is: pure decisions, no clock, no network.

The rules that keep a port from being given twice or lost:

- An entry is written before the pod that uses the port is made, by compare-and-swap.
- An entry is dropped only when it has rested and no live pod claims the port.
- A live pod that claims a port without an entry gets one. So a lost ledger is rebuilt by the same
  step that heals a gap.

`claims` must have been read after the ledger: a pod made in between has its entry in a newer
ledger, and the compare-and-swap of this one fails.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from cloudphone_operator.names import OPERATOR
from cloudphone_operator.ports.errors import NoPortFree
from cloudphone_operator.ports.model import (
    Holder,
    PortClaim,
    PortEntry,
    PortRange,
    PortState,
)

FOREIGN_RETRY = timedelta(minutes=5)
"""A foreign port is tried again after this time; a live pod's claim renews it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ledger:
    """
    The ports of one node that cannot be given now; a port that is not listed is free.

    Args:
        entries: By port, each port once.
    """

    entries: tuple[PortEntry, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[PortEntry]) -> "Ledger":
        """A ledger of these entries, sorted; of two for one port the last one counts."""
        by_port = {entry.port: entry for entry in entries}
        return cls(tuple(by_port[port] for port in sorted(by_port)))

    @property
    def ports(self) -> frozenset[int]:
        """Ports that cannot be given."""
        return frozenset(entry.port for entry in self.entries)

    @property
    def holders(self) -> frozenset[Holder]:
        """Who holds ports now."""
        return frozenset(
            entry.holder
            for entry in self.entries
            if entry.state is PortState.HELD and entry.holder is not None
        )

    def held_by(self, holder: Holder) -> tuple[int, ...]:
        """Ports that one holder holds, ascending."""
        return tuple(
            entry.port
            for entry in self.entries
            if entry.state is PortState.HELD and is_same(entry.holder, holder)
        )


def is_same(entry_holder: Holder | None, holder: Holder) -> bool:
    """Whether an entry is this object's: uid and manager tell, names are for people."""
    return (
        entry_holder is not None
        and entry_holder.uid == holder.uid
        and entry_holder.manager == holder.manager
    )


def refresh(
    ledger: Ledger,
    claims: Collection[PortClaim],
    *,
    ports: PortRange,
    quarantine: timedelta,
    now: datetime,
) -> Ledger:
    """
    Bring a ledger up to what live pods claim and what time has passed.

    Rested ports become free, unless a pod still claims them: then they rest on. Claims without an
    entry get one: our pods' as Held (as Quarantined if the pod is ending), others' as Foreign.

    Args:
        ledger: The node's ledger as stored; empty where it was lost.
        claims: Host ports of the live pods of the node, read after the ledger.
        ports: Range of the node's class; claims of others outside of it do not matter.
        quarantine: Rest of a port between two holders.
        now: Aware time.
    """
    claimed = {claim.port for claim in claims}
    kept = [
        entry
        for entry in (
            _aged(entry, claimed=entry.port in claimed, quarantine=quarantine, now=now)
            for entry in ledger.entries
        )
        if entry is not None
    ]
    known = {entry.port for entry in kept}
    for claim in claims:
        if claim.port in known:
            continue
        known.add(claim.port)
        if claim.holder.manager == OPERATOR:
            kept.append(
                PortEntry(
                    port=claim.port,
                    state=PortState.QUARANTINED,
                    holder=claim.holder,
                    until=now + quarantine,
                )
                if claim.ending
                else PortEntry(port=claim.port, state=PortState.HELD, holder=claim.holder)
            )
        elif claim.port in ports:
            kept.append(
                PortEntry(
                    port=claim.port,
                    state=PortState.FOREIGN,
                    holder=claim.holder,
                    until=now + FOREIGN_RETRY,
                )
            )
    return Ledger.of(kept)


def _aged(
    entry: PortEntry, *, claimed: bool, quarantine: timedelta, now: datetime
) -> PortEntry | None:
    match entry.state:
        case PortState.HELD if entry.holder is None and not claimed:
            # Nobody could ever give it back.
            return dataclasses.replace(entry, state=PortState.QUARANTINED, until=now + quarantine)
        case PortState.HELD:
            return entry
        case PortState.FOREIGN:
            expired = entry.until is None or entry.until <= now
            pod_is_gone = entry.holder is not None and not claimed
            return None if expired or pod_is_gone else entry
        case PortState.QUARANTINED:
            if entry.holder is not None and entry.holder.manager != OPERATOR:
                return entry  # its manager frees it
            if entry.until is None:
                return dataclasses.replace(entry, until=now + quarantine)
            if entry.until > now:
                return entry
            return dataclasses.replace(entry, until=now + quarantine) if claimed else None


def allocate(
    ledger: Ledger,
    holder: Holder,
    count: int,
    *,
    ports: PortRange,
    max_sessions: int | None,
    quarantine: timedelta,
    now: datetime,
) -> tuple[Ledger, tuple[int, ...]]:
    """
    Give a holder one contiguous block, the lowest that is free; repeating it changes nothing.

    A holder that holds another number of ports gives those back and gets a new block.

    Args:
        ledger: The refreshed ledger.
        holder: Who asks.
        count: Length of the block; at least 1.
        ports: Range of the node's class.
        max_sessions: Most holders on the node; None for no limit.
        quarantine: Rest of ports given back.
        now: Aware time.
    Returns:
        The next ledger, and the block, ascending.
    Raises:
        NoPortFree: If there is no such block; the text says what takes the ports.
    """
    held = ledger.held_by(holder)
    if is_block(held, count):
        return ledger, held
    rest = release(ledger, holder, quarantine=quarantine, now=now) if held else ledger
    if max_sessions is not None and len(rest.holders) >= max_sessions:
        raise NoPortFree(
            f"{len(rest.holders)} sessions hold ports of the node; its StreamNodeClass allows "
            f"maxSessions {max_sessions}"
        )
    taken = rest.ports
    for first in range(ports.first, ports.last - count + 2):
        block = tuple(range(first, first + count))
        if taken.isdisjoint(block):
            given = (PortEntry(port=port, state=PortState.HELD, holder=holder) for port in block)
            return Ledger.of((*rest.entries, *given)), block
    raise NoPortFree(_describe_shortage(rest, count, ports))


def is_block(held: tuple[int, ...], count: int) -> bool:
    """Whether ascending ports are one contiguous block of a length."""
    return len(held) == count and held[-1] - held[0] == count - 1


def _describe_shortage(ledger: Ledger, count: int, ports: PortRange) -> str:
    inside = [entry for entry in ledger.entries if entry.port in ports]
    numbers = {state: sum(1 for entry in inside if entry.state is state) for state in PortState}
    wanted = "port" if count == 1 else f"block of {count} ports"
    return (
        f"no free {wanted} in {ports}: {numbers[PortState.HELD]} held by sessions, "
        f"{numbers[PortState.QUARANTINED]} resting, {numbers[PortState.FOREIGN]} used by others, "
        f"{len(ports) - len(inside)} free"
    )


def release(ledger: Ledger, holder: Holder, *, quarantine: timedelta, now: datetime) -> Ledger:
    """Put all ports of a holder to rest; a holder without ports changes nothing."""
    return Ledger.of(
        dataclasses.replace(entry, state=PortState.QUARANTINED, until=now + quarantine)
        if entry.state is PortState.HELD and is_same(entry.holder, holder)
        else entry
        for entry in ledger.entries
    )


def mark_foreign(
    ledger: Ledger,
    ports: Collection[int],
    claims: Collection[PortClaim],
    *,
    now: datetime,
) -> Ledger:
    """
    Note that something unseen uses ports: the scheduler found no node with them free.

    A port whose entry agrees with a pod on the node is left: it is the holder's own former pod that
    still uses it, or another session's, and the ledger is right.

    Args:
        ledger: The node's ledger.
        ports: Ports that the scheduler found taken.
        claims: Host ports of live pods bound to the node, read after the ledger; not of pods that
            wait, since the one that was refused is among them.
        now: Aware time.
    """
    by_port = {entry.port: entry for entry in ledger.entries}
    agreed = {
        claim.port
        for claim in claims
        if claim.port in by_port and is_same(by_port[claim.port].holder, claim.holder)
    }
    for port in set(ports) - agreed:
        by_port[port] = PortEntry(port=port, state=PortState.FOREIGN, until=now + FOREIGN_RETRY)
    return Ledger.of(by_port.values())


def abandoned(
    ledger: Ledger,
    claims: Collection[PortClaim],
    wanted: Mapping[str, bool | None],
) -> tuple[Holder, ...]:
    """
    Holders of our own that have no more use for their ports of this node.

    Args:
        ledger: The node's ledger.
        claims: Host ports of the live pods of the node, read after the ledger.
        wanted: By uid of a holder, whether the session exists and its place is this node; None
            where that could not be found out, which is never taken for no.
    """
    using = {claim.holder.uid for claim in claims}
    return tuple(
        sorted(
            (
                holder
                for holder in ledger.holders
                if holder.manager == OPERATOR
                and wanted.get(holder.uid) is False
                and holder.uid not in using
            ),
            key=str,
        )
    )
