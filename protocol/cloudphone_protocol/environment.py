"""
What a streamer pod is told once: environment variables and file names.

Only what never changes in a pod's life is here. The names are those of the deployment guide where
it has one, so that a pod and a process on a VM are configured by the same variables. The operator
writes them (`PodEnvironment.to_env`); the streamer's settings class reads the same names.
"""

import dataclasses

SESSION_DIR = "/etc/cloudphone/session"
"""Mount point of the session's Secret."""

DOCUMENT_FILE = "session.json"
"""Secret key and file name of the session document (`session.SessionDocument`, JSON)."""

TICKET_KEY_FILE = "ticket-key"
"""Secret key and file name of the key that signs tickets: 64 hex digits."""

CREDENTIAL_FILE = "credential"
"""
Secret key and file name of the session's credential: 64 hex digits.

A bearer token both ways: streamer to operator with reports, operator to streamer with documents.
"""

API_PORT = 8080
"""TCP port of viewer page, WHEP and API inside the pod."""

INTERNAL_PORT = 9090
"""TCP port of metrics, health and document push inside the pod; never exposed by a Service."""

SESSION_PUSH_PATH = "/internal/v1/session"
"""
Path on the internal port: PUT with the session document and `Authorization: Bearer <credential>`.

200 `{"version": ...}` once it is in force; 401, 409 (another session's uid) or 422 with a problem.
"""

HEALTH_PATH = "/health"
"""Readiness: 200 while pictures are captured and viewers can be served, else 503 and why."""

LIVENESS_PATH = "/livez"
"""Liveness: 200 while the event loop turns; a phone that is away is no reason for a restart."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PodEnvironment:
    """
    Environment of a streamer pod.

    Args:
        pod_name: Name of the pod, for reports.
        node_name: Node the pod is placed on.
        media_port_min: First media port: hostPort and containerPort, UDP and TCP.
        media_port_max: Last media port, inclusive; a contiguous block.
        addresses: IP addresses of the node that viewers reach, in order of preference.
        log_level: `debug`, `info`, `warning` or `error`.
    """

    pod_name: str
    node_name: str
    media_port_min: int
    media_port_max: int
    addresses: tuple[str, ...]
    log_level: str = "info"

    def to_env(self) -> dict[str, str]:
        """The variables of the streamer container, by name."""
        return {
            "SESSION_DIR": SESSION_DIR,
            "POD_NAME": self.pod_name,
            "NODE_NAME": self.node_name,
            "PORT": str(API_PORT),
            "INTERNAL_PORT": str(INTERNAL_PORT),
            "ICE_PORT_MIN": str(self.media_port_min),
            "ICE_PORT_MAX": str(self.media_port_max),
            "NAT_1TO1_IPS": ",".join(self.addresses),
            "LOG_LEVEL": self.log_level,
        }
