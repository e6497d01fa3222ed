"""
What the API server refuses, and the sentence it says: `crd_refused.yaml` and `crd_changes.yaml`.

A sentence names the field, what it is, and what is expected. A refused manifest is one that no code
of the operator has to know of.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.api_server import ApiServer, Refused, Resources

HERE = Path(__file__).parent
REFUSED: list[dict[str, Any]] = yaml.safe_load((HERE / "crd_refused.yaml").read_text("utf-8"))
CHANGES: list[dict[str, Any]] = yaml.safe_load((HERE / "crd_changes.yaml").read_text("utf-8"))

pytestmark = pytest.mark.usefixtures("crds")


@pytest.mark.parametrize("entry", REFUSED, ids=[entry["it"] for entry in REFUSED])
def test_the_api_server_refuses(entry: dict[str, Any], api: ApiServer) -> None:
    kind = entry.get("kind", "StreamSession")
    resources = Resources(api, kind, "default" if kind == "StreamSession" else None)
    with pytest.raises(Refused) as refusal:
        resources.try_create(entry.get("name", "session"), entry["spec"])
    _assert_said(refusal.value, entry)


@pytest.mark.parametrize("entry", CHANGES, ids=[entry["it"] for entry in CHANGES])
def test_a_change_is_judged(entry: dict[str, Any], api: ApiServer, namespace: str) -> None:
    sessions = Resources(api, "StreamSession", namespace)
    sessions.create("session", entry["before"])
    if "message" not in entry:
        sessions.try_new_spec("session", entry["after"])
        return
    with pytest.raises(Refused) as refusal:
        sessions.try_new_spec("session", entry["after"])
    _assert_said(refusal.value, entry)


def _assert_said(refusal: Refused, entry: dict[str, Any]) -> None:
    said = refusal.causes()
    assert any(
        field == entry.get("field", "") and entry["message"] in sentence for field, sentence in said
    ), f"expected {entry.get('field', '')!r}: {entry['message']!r}; said {said}"
