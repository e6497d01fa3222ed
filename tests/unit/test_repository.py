"""Guards of the repository's shape."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_folder_operator_is_no_package() -> None:
    """`operator/__init__.py` would shadow the standard library's `operator` for whoever runs from here."""
    assert not (ROOT / "operator" / "__init__.py").exists()
