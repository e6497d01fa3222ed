"""The CRDs as documents: what `kubectl explain` can say, and what keeps rules and objects cheap."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "crds").glob("*.yaml"))
CRDS = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES]

# Client-side apply keeps the whole object in an annotation, which holds 256 KiB.
SIZE_LIMIT_BYTES = 256 * 1024


def _schema(crd: dict[str, Any]) -> dict[str, Any]:
    [version] = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from _fields(field, f"{path}.{name}")
    if "items" in schema:
        yield from _fields(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _fields(schema["additionalProperties"], f"{path}{{}}")


FIELDS = [
    pytest.param(path, field, id=path)
    for crd in CRDS
    for path, field in _fields(_schema(crd), crd["spec"]["names"]["singular"])
]
RULES = [
    pytest.param(rule, id=f"{path} {rule['rule']:.40}")
    for crd in CRDS
    for path, field in _fields(_schema(crd), crd["spec"]["names"]["singular"])
    for rule in field.get("x-kubernetes-validations", [])
]


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_field_is_described(path: str, field: dict[str, Any]) -> None:
    if path.endswith(".metadata"):
        assert "description" not in field, "the API server describes metadata itself"
        return
    text = field.get("description", "")
    assert text.endswith("."), f"{path} has no description of whole sentences"
    assert "  " not in text


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_field_is_bounded(path: str, field: dict[str, Any]) -> None:
    """An unbounded field makes every rule that reads it cost too much for the API server."""
    match field.get("type"):
        case "string":
            fixed = path.endswith((".apiVersion", ".kind")) and path.count(".") == 1
            assert {"maxLength", "enum", "format"} & field.keys() or fixed
        case "integer":
            assert {"format", "minimum"} <= field.keys()
            assert "maximum" in field or path.split(".")[1] == "status"
        case "array":
            assert {"maxItems", "x-kubernetes-list-type"} <= field.keys()
        case "object" if "additionalProperties" in field:
            assert "maxProperties" in field
        case "object":
            assert "properties" in field or path.endswith(".metadata")
        case _:
            assert field.get("x-kubernetes-int-or-string") or field.get("type") == "boolean"


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_what_is_expected(rule: dict[str, Any]) -> None:
    """`message` is what is said where `messageExpression` cannot be evaluated."""
    assert "\n" not in rule["message"]
    assert "expected" in rule["message"] or "above the limit" in rule["message"]
    if "messageExpression" in rule:
        assert "expected" in rule["messageExpression"]


@pytest.mark.parametrize("crd", CRDS, ids=[path.stem for path in FILES])
def test_a_crd_fits_into_an_annotation(crd: dict[str, Any]) -> None:
    assert len(json.dumps(crd)) < SIZE_LIMIT_BYTES / 4


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_file_is_named_after_its_resource(path: Path) -> None:
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = crd["spec"]["names"]
    assert path.stem == names["plural"]
    assert crd["metadata"]["name"] == f"{names['plural']}.{crd['spec']['group']}"
    assert names["categories"] == ["cloudphone"]


def test_the_columns_of_a_session() -> None:
    [version] = next(
        crd["spec"]["versions"] for crd in CRDS if crd["spec"]["names"]["kind"] == "StreamSession"
    )
    columns = version["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Phase",
        "Ready",
        "Node",
        "Ports",
        "Viewers",
        "Age",
    ]
    assert [column["name"] for column in columns if column.get("priority")] == [
        "Encoder",
        "Device",
        "Endpoint",
    ]


def test_the_resource_lists_of_requests_and_limits_are_one() -> None:
    session = next(crd for crd in CRDS if crd["spec"]["names"]["kind"] == "StreamSession")
    placement = _schema(session)["properties"]["spec"]["properties"]["placement"]["properties"]
    resources = placement["resources"]["properties"]
    assert resources["requests"]["properties"] == resources["limits"]["properties"]
