"""
A real Kubernetes on this Linux machine without Docker: one control plane, one node.

`cluster` brings it up, `teardown` removes it. Everything it starts carries a mark in its
environment (`processes`), and everything else it makes has a name or an address of its own
(`layout`): so that a crash at any moment leaves nothing that the next `down` cannot find.
"""
