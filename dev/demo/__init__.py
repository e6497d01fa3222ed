"""The demo: a cluster, the operator by its chart, two simulated phones, and how to watch them."""
