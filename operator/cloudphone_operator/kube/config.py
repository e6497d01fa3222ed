"""Where the API server is and who we are: a kubeconfig file or the pod's service account."""

import os
import pathlib

from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from cloudphone_operator.kube.errors import Unavailable

_DEFAULT_KUBECONFIG = pathlib.Path.home() / ".kube" / "config"


async def load_configuration(context: str | None = None) -> Configuration:
    """
    Find the API server the way kubectl does: `KUBECONFIG`, `~/.kube/config`, then the pod's own.

    The configuration of a pod reads its token file again every minute, as the kubelet rotates it.

    Args:
        context: Context of the kubeconfig file; None for its current one.
    Raises:
        Unavailable: If there is none of them, or it cannot be read; the text says what to do.
    """
    configuration = Configuration()
    given = os.environ.get("KUBECONFIG")
    try:
        # The library reads small local files only, before the event loop has other work.
        if given or context is not None or _DEFAULT_KUBECONFIG.is_file():
            await config.load_kube_config(
                config_file=given or str(_DEFAULT_KUBECONFIG),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        else:
            config.load_incluster_config(client_configuration=configuration)
    except (config.ConfigException, OSError, TypeError, ValueError) as error:
        raise Unavailable(
            f"no cluster is configured: KUBECONFIG is {given!r}; tried it, "
            f"{_DEFAULT_KUBECONFIG} and the pod's service account: {error}"
        ) from error
    return configuration
