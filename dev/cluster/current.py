"""The user's own cluster: the context that their kubeconfig names now."""

import os
from pathlib import Path

from dev.tools import command, files, paths
from dev.tools.errors import DevError
from dev.tools.progress import Progress


def up(kubectl: Path, progress: Progress) -> None:
    """
    Copy the present context, so that a later switch of contexts moves nothing, and try it.

    Raises:
        DevError: If there is no context, or its API server does not answer.
    """
    if Path(os.environ.get("KUBECONFIG", "")) != paths.KUBECONFIG:
        try:
            text = command.run([kubectl, "config", "view", "--raw", "--minify", "--flatten"])
        except DevError as error:
            raise DevError(
                "the kubeconfig has no current context; choose one with `kubectl config"
                " use-context NAME`, or unset CLUSTER"
            ) from error
        files.write_private(paths.KUBECONFIG, text)
    kubeconfig = ("--kubeconfig", str(paths.KUBECONFIG))
    name = command.run([kubectl, *kubeconfig, "config", "current-context"]).strip()
    progress(f"using the context {name}")
    command.run([kubectl, *kubeconfig, "get", "--raw=/readyz", "--request-timeout=15s"])


def down() -> None:
    """Forget the copy of the context; the cluster is not ours and stays as it is."""
    paths.KUBECONFIG.unlink(missing_ok=True)
