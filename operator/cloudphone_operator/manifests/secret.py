"""The session's Secret: what the streamer pod mounts as files."""

import base64
from collections.abc import Mapping
from typing import Any

from cloudphone_operator import names
from cloudphone_operator.manifests.metadata import child_metadata
from cloudphone_operator.model.session import Session
from cloudphone_protocol.environment import DOCUMENT_FILE
from cloudphone_protocol.session import SessionDocument

SECRET_TYPE = "streaming.cloudphone.io/session"  # noqa: S105 - a type, no secret


def session_secret(
    session: Session, document: SessionDocument, keys: Mapping[str, str]
) -> dict[str, Any]:
    """
    Build the Secret.

    Args:
        session: Its owner.
        document: Session document.
        keys: Ticket key and credential, in base64, by file name.
    """
    encoded = base64.b64encode(document.to_json().encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": child_metadata(session, names.child_name(session.key.name)),
        "type": SECRET_TYPE,
        "data": {DOCUMENT_FILE: encoded, **keys},
    }
