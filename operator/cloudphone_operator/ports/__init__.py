"""
The media ports of each node: who holds which, never twice, never for ever.

    model       the values that the other modules speak: holders, entries, the ledger
    ledger      pure: what the next ledger is (allocate, release, rebuild, sweep)
    wire        StreamNode's status to and from the ledger
    occupancy   host ports that pods claim, whoever made them
    store       compare-and-swap of one StreamNode
    sweep       compares the ledgers with live sessions and pods
    errors      why no port could be given

The scheduler's own check of host ports stays as the last fence.
"""
