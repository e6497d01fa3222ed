"""An Event about a StreamSession (events.k8s.io/v1)."""

from datetime import datetime
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.kube.resources import EVENTS, STREAM_SESSIONS
from cloudphone_operator.model.notes import Note
from cloudphone_operator.model.session import Session
from cloudphone_operator.parse.times import to_micro_time

_NOTE_MAX_CHARACTERS = 1024  # the API server refuses longer ones


def session_event(session: Session, note: Note, *, instance: str, now: datetime) -> dict[str, Any]:
    """
    Build the Event.

    Args:
        session: What it is about.
        note: What happened.
        instance: Name of this replica.
        now: When it happened.
    """
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {
            "generateName": f"{session.key.name}-",
            "namespace": session.key.namespace,
        },
        "eventTime": to_micro_time(now),
        "type": "Warning" if note.warning else "Normal",
        "reason": note.reason,
        "action": note.action,
        "note": note.message[:_NOTE_MAX_CHARACTERS],
        "regarding": {
            "apiVersion": STREAM_SESSIONS.api_version,
            "kind": STREAM_SESSIONS.kind,
            "namespace": session.key.namespace,
            "name": session.key.name,
            "uid": session.uid,
        },
        "reportingController": names.OPERATOR,
        "reportingInstance": instance[:128],
    }
