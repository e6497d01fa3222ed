"""Writes the small files that other programs read, and lets one command at a time work."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from dev.tools.progress import Progress


def write_private(path: Path, content: str) -> None:
    """
    Make a file have this content, readable by its owner only, and whole at any moment.

    A file that has it already is left alone: kube-proxy ends when its file is written.
    """
    if path.is_file() and path.read_text(encoding="utf-8") == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    unfinished.replace(path)


@contextlib.contextmanager
def exclusive(lock: Path, progress: Progress, *, waiting_for: str) -> Iterator[None]:
    """
    Let one command at a time do what follows; the kernel frees the lock of one that was killed.

    Args:
        lock: the file that stands for it.
        progress: told when another one is at it.
        waiting_for: what the other one does.
    """
    lock.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with lock.open("w", encoding="utf-8") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for {waiting_for}")
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def give_to_caller(path: Path) -> None:
    """Under sudo, give a file of the checkout to the person who asked for it."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if uid.isdecimal() and gid.isdecimal():
        os.chown(path, int(uid), int(gid))
