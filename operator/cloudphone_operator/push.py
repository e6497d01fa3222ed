"""
Tells a running streamer its new session document, so that a change needs no restart.

The Secret says the same, for the streamer's next start: it reads the mounted file then and not
again. So a push that fails is repeated.
"""

import dataclasses
import ipaddress
import json
from http import HTTPStatus
from typing import Any

import aiohttp

from cloudphone_operator.metrics import PUSHES
from cloudphone_protocol.addresses import join_host_port
from cloudphone_protocol.environment import INTERNAL_PORT, SESSION_PUSH_PATH
from cloudphone_protocol.session import SessionDocument

_TIMEOUT_S = 2.0
_ANSWER_MAX_BYTES = 16 * 1024
_TEXT_MAX_CHARACTERS = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The streamer runs the document of this version now."""

    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The streamer answered and did not take it: machine code and sentence of its problem."""

    code: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No answer; `reason` says why."""

    reason: str


PushResult = Applied | Refused | Unreachable


class Pusher:
    """
    Pushes documents to streamers.

    Args:
        http: Connections to streamers; the caller closes it.
    """

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def push(self, pod_ip: str, document: SessionDocument, credential: str) -> PushResult:
        """
        PUT the document to the streamer's internal port.

        Args:
            pod_ip: Address of the streamer pod.
            document: What it should run.
            credential: The session's credential; it appears in no result and no log.
        """
        result = await self._push(pod_ip, document, credential)
        PUSHES.labels(type(result).__name__.lower()).inc()
        return result

    async def _push(self, pod_ip: str, document: SessionDocument, credential: str) -> PushResult:
        try:
            async with self._http.put(
                _url(pod_ip),
                data=document.to_json(),
                headers={
                    "Authorization": f"Bearer {credential}",
                    "Content-Type": "application/json",
                },
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
                allow_redirects=False,
            ) as answer:
                body = await _read_limited(answer)
        except TimeoutError:
            return Unreachable(reason=f"no answer within {_TIMEOUT_S} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unreachable(reason=str(error) or type(error).__name__)
        fields = _parse_object(body)
        if answer.status == HTTPStatus.OK and isinstance(fields.get("version"), str):
            return Applied(version=fields["version"])
        return Refused(
            code=str(fields.get("error", f"http_{answer.status}"))[:_TEXT_MAX_CHARACTERS],
            message=str(fields.get("message", f"the streamer answered {answer.status}"))[
                :_TEXT_MAX_CHARACTERS
            ],
        )


def _url(pod_ip: str) -> str:
    address = ipaddress.ip_address(pod_ip)
    return f"http://{join_host_port(str(address), INTERNAL_PORT)}{SESSION_PUSH_PATH}"


async def _read_limited(answer: aiohttp.ClientResponse) -> bytes:
    """The body, cut off at a limit: the answer of a pod that may be hostile."""
    body = b""
    async for chunk in answer.content.iter_chunked(4096):
        body += chunk
        if len(body) > _ANSWER_MAX_BYTES:
            break
    return body


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
