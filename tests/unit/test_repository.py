"""Guards of the repository's shape."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_folder_operator_is_no_package() -> None:
    """`operator/__init__.py` would shadow the standard library's `operator` for whoever runs from here."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_lock_files_name_no_address() -> None:
    """Each machine has an index or a mirror of its own; a lock with another's would not install there."""
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
    for lock in ROOT.glob("tests/**/package-lock.json"):
        if "node_modules" not in lock.parts:
            assert '"resolved"' not in lock.read_text(encoding="utf-8"), lock
