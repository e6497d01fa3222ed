"""What the metadata of all of a session's objects have in common."""

from typing import Any

from cloudphone_operator import names
from cloudphone_operator.kube.resources import STREAM_SESSIONS
from cloudphone_operator.model.session import Session


def child_metadata(session: Session, name: str) -> dict[str, Any]:
    """
    Metadata of an object of the session.

    The owner reference makes the garbage collector remove the object after its session, so that
    no finalizer is needed and uninstalling the operator strands nothing.
    """
    return {
        "name": name,
        "namespace": session.key.namespace,
        "labels": names.session_labels(session.key.name),
        "ownerReferences": [
            {
                "apiVersion": STREAM_SESSIONS.api_version,
                "kind": STREAM_SESSIONS.kind,
                "name": session.key.name,
                "uid": session.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
