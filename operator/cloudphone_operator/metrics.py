"""
What Prometheus can ask of the operator. Labels are bounded: there is none a session.

The modules that do a thing count it; `health` serves all of it on the internal port.
"""

from prometheus_client import Counter, Gauge, Histogram

LEADER = Gauge(
    "cloudphone_operator_leader", "1 while this replica leads, which is when it reconciles."
)
RECONCILES = Counter(
    "cloudphone_operator_reconciles_total", "Reconciles by how they ended.", ["result"]
)
RECONCILE_SECONDS = Histogram(
    "cloudphone_operator_reconcile_seconds",
    "Time of one reconcile.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_DEPTH = Gauge("cloudphone_operator_queue_depth", "Sessions that wait to be reconciled.")
SESSIONS = Gauge("cloudphone_operator_sessions", "StreamSessions by phase.", ["phase"])
KUBE_REQUESTS = Counter(
    "cloudphone_operator_kube_requests_total",
    "Requests to the API server by method and HTTP status; status 0 is no answer.",
    ["method", "status"],
)
MEDIA_PORTS = Gauge(
    "cloudphone_operator_media_ports",
    "Media ports of a node by state, as of the last sweep.",
    ["node", "state"],
)
PORTS_RECLAIMED = Counter(
    "cloudphone_operator_media_ports_reclaimed_total",
    "Ports that a sweep put to rest since their session had left; more than a few after a crash "
    "point at a fault.",
)
REPORTS = Counter(
    "cloudphone_operator_reports_total", "Reports of streamers by HTTP status.", ["status"]
)
PUSHES = Counter(
    "cloudphone_operator_pushes_total", "Session documents pushed, by result.", ["result"]
)
