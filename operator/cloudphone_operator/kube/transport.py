"""
Carries one request to the API server, again where that is safe.

Built on the transport of `kubernetes.aio` (TLS, kubeconfig, token rotation, one connection pool);
its thousand model classes stay unloaded.
"""

import asyncio
import json
import logging
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient

from cloudphone_operator.kube.errors import KubeError, Unavailable, to_error
from cloudphone_operator.metrics import KUBE_REQUESTS

_JSON = "application/json"

_CONNECT_TIMEOUT_S = 3.0
_REQUEST_TIMEOUT_S = 10.0
_ATTEMPTS = 4
_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 2.0
_RETRY_AFTER_MAX_S = 5.0

_RETRIED_STATUS = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

_logger = logging.getLogger(__name__)


class Transport:
    """
    Requests with time limit and bounded repetition.

    Args:
        api: Configured client of the library; the caller closes it.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> dict[str, Any]:
        """
        Make a request and read the JSON answer.

        It is repeated on 429, 5xx, lost connections and timeouts; a creation (POST) only where the
        API server has certainly not acted.

        Args:
            method: HTTP method.
            path: Path below the API server's address.
            query: Query parameters in order.
            body: Object to send.
            content_type: Media type of the body.
        Raises:
            KubeError: If the answer is a failure or does not come.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                status, retry_after_s, content = await self._send(
                    method, path, query, body, content_type
                )
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                KUBE_REQUESTS.labels(method, 0).inc()
                text = str(error) or type(error).__name__
                failure: KubeError = Unavailable(f"{method} {path}: no answer: {text}")
                # A creation whose answer is lost may have happened: not repeated blindly.
                again = method != "POST" or isinstance(error, aiohttp.ClientConnectorError)
                retry_after_s = None
            else:
                KUBE_REQUESTS.labels(method, status).inc()
                if status < 300:
                    return _parse_object(content, f"{method} {path}")
                failure = to_error(status, content)
                again = status in _RETRIED_STATUS and (
                    # 429 is answered before anything is done.
                    method != "POST" or status == HTTPStatus.TOO_MANY_REQUESTS
                )
            if not again or attempt == _ATTEMPTS:
                raise failure
            delay_s = min(_BACKOFF_S * 2**attempt, _BACKOFF_MAX_S)
            delay_s *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            if retry_after_s is not None:
                delay_s = max(delay_s, retry_after_s)
            if delay_s > _RETRY_AFTER_MAX_S:
                raise failure
            _logger.debug("attempt %d failed, again in %.1f s: %s", attempt, delay_s, failure)
            await asyncio.sleep(delay_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _send(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None,
        body: Mapping[str, Any] | None,
        content_type: str,
    ) -> tuple[int, float | None, bytes]:
        _, url, headers, _, _ = await self._api.param_serialize(
            method,
            path,
            query_params=query,
            header_params={"Accept": _JSON, "Content-Type": content_type},
            auth_settings=["BearerToken"],
        )
        answer = await self._api.call_api(
            method,
            url,
            headers,
            body,
            _request_timeout=aiohttp.ClientTimeout(
                total=_REQUEST_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S
            ),
        )
        content: bytes = await answer.read()
        return answer.status, _parse_retry_after_s(answer.headers.get("Retry-After")), content


def _parse_object(content: bytes, request: str) -> dict[str, Any]:
    try:
        decoded = json.loads(content)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        # A login page or a proxy's greeting, with status 200.
        raise Unavailable(f"{request}: answer is {content[:80]!r}; expected a JSON object")
    return decoded


def _parse_retry_after_s(value: str | None) -> float | None:
    # The API server sends whole seconds, never the date form of RFC 9110 - 10.2.3.
    return float(value) if value is not None and value.isascii() and value.isdigit() else None
