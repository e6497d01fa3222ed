"""Writes kubeconfig files: who may speak to the API server, and as whom."""

import base64
import json
from pathlib import Path

from dev.tools import files


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
    files.write_private(path, content)
