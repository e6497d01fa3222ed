"""
Names that objects are found by: labels, annotations, and the names of a session's objects.

All names are functions of the session, so that repeating a step after a crash meets its own work.
"""

LABEL_NAME = "app.kubernetes.io/name"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_SESSION = "streaming.cloudphone.io/session"

STREAMER = "cloudphone-streamer"
OPERATOR = "cloudphone-operator"
"""This program: in labels, as manager of ports and of fields, in Events."""
COMPONENT = "streamer"

ANNOTATION_ATTEMPT = "streaming.cloudphone.io/attempt"
ANNOTATION_SPEC_HASH = "streaming.cloudphone.io/spec-hash"

CONTAINER = "streamer"
"""The streamer's container in its pod."""


def session_labels(session: str) -> dict[str, str]:
    """Labels of every object of the session named `session`."""
    return {
        LABEL_NAME: STREAMER,
        LABEL_MANAGED_BY: OPERATOR,
        LABEL_COMPONENT: COMPONENT,
        LABEL_SESSION: session,
    }


def session_selector(session: str) -> str:
    """Label selector of the streamer pods of the session, as in `kubectl get -l`."""
    return f"{LABEL_NAME}={STREAMER},{LABEL_SESSION}={session}"


def pod_name(session: str, attempt: int) -> str:
    """
    Name of the streamer pod of one attempt, counted from 1.

    A new attempt has a new name: a pod that is stuck on a dead node never blocks its successor.
    """
    return f"{session}-{attempt}"


def child_name(session: str) -> str:
    """Name of the session's Secret, Service and NetworkPolicy."""
    return f"{session}-streamer"
