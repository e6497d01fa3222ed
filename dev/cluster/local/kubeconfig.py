"""Writes kubeconfig files: who may speak to the API server, and as whom."""

import base64
import json
import os
from pathlib import Path


def document(*, server: str, user: str, authority: bytes, certificate: bytes, key: bytes) -> str:
    """
    Return a kubeconfig with everything inside it. JSON is valid YAML, so no YAML library is needed.

    Args:
        server: the API server's URL.
        user: the name that the context shows.
        authority: the CA certificate, PEM.
        certificate: the user's certificate, PEM.
        key: the user's key, PEM.
    """

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode("ascii")

    name = "cloudphone-local"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": server, "certificate-authority-data": text(authority)},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": text(certificate),
                        "client-key-data": text(key),
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
            "current-context": name,
        },
        indent=1,
    )


def write(path: Path, *, server: str, pki: Path, user: str) -> None:
    """Write one user's kubeconfig, readable by its owner only, and whole at any moment."""
    content = document(
        server=server,
        user=user,
        authority=(pki / "ca.crt").read_bytes(),
        certificate=(pki / f"{user}.crt").read_bytes(),
        key=(pki / f"{user}.key").read_bytes(),
    )
    write_private(path, content)


def write_private(path: Path, content: str) -> None:
    """Replace a file by one that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    unfinished.replace(path)
