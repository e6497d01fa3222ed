"""
WHEP: an offer in, an answer out (draft-ietf-wish-whep).

The ticket is needed to open a connection. The resource that comes of it has an unguessable
address, which is the right to end it: tickets live for a minute, connections for hours.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from cloudphone_protocol.errors import InvalidTicket, TicketExpired
from cloudphone_protocol.problems import ProblemCode
from cloudphone_protocol.reports import CaptureReport, CaptureState
from cloudphone_protocol.session import VideoCodec
from cloudphone_protocol.tickets import Ticket, verify_ticket
from cloudphone_streamer.errors import ViewerLimitReached
from cloudphone_streamer.session import SessionKeys
from cloudphone_streamer.signaling.bearer import CHALLENGE, CHALLENGE_INVALID, bearer_token
from cloudphone_streamer.signaling.ice_servers import IceServers
from cloudphone_streamer.signaling.problems import HttpProblem, read_body
from cloudphone_streamer.viewers.registry import Viewers
from cloudphone_streamer.viewers.viewer import Viewer
from cloudphone_streamer.webrtc.errors import (
    MalformedFragment,
    MalformedOffer,
    NoCommonCodec,
    UnknownViewer,
)
from cloudphone_streamer.webrtc.server import MediaServer

WHEP_PATH = "/whep"

MAX_SDP_BYTES = 64 * 1024

_SDP = "application/sdp"
_TRICKLE = "application/trickle-ice-sdpfrag"

_OVER = "there is no such connection, or it is over"

_RETRY_AFTER = {"Retry-After": "2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    etag: str
    viewer: Viewer


class WhepEndpoint:
    """
    Handlers of WHEP.

    Args:
        media: Where connections are made.
        viewers: Who is connected.
        keys: The session's keys.
        session_uid: Returns the uid of the session that tickets must be for.
        capture: Returns how the capture stands.
        ice_servers: What viewers are told of STUN and TURN.
        codecs: Returns the codecs that viewers may get, the preferred one first.
    """

    def __init__(
        self,
        *,
        media: MediaServer,
        viewers: Viewers,
        keys: SessionKeys,
        session_uid: Callable[[], str],
        capture: Callable[[], CaptureReport],
        ice_servers: IceServers,
        codecs: Callable[[], Sequence[VideoCodec]],
    ) -> None:
        self._media = media
        self._viewers = viewers
        self._keys = keys
        self._session_uid = session_uid
        self._capture = capture
        self._ice_servers = ice_servers
        self._codecs = codecs
        self._resources: dict[str, _Resource] = {}
        self._is_closing = False

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve WHEP on `router`."""
        resource_path = WHEP_PATH + "/{viewer_id}"
        router.add_post(WHEP_PATH, self._post_offer)
        router.add_options(WHEP_PATH, self._options)
        router.add_patch(resource_path, self._patch_resource)
        router.add_delete(resource_path, self._delete_resource)
        router.add_options(resource_path, self._options_of_resource)

    def close(self) -> None:
        """Take no more viewers."""
        self._is_closing = True

    async def _post_offer(self, request: web.Request) -> web.Response:
        ticket = self._ticket_of(request)
        offer = await _read_sdp(request, _SDP)
        # After the body, which may have come slowly; from here on nothing waits.
        if self._is_closing:
            raise HttpProblem(
                ProblemCode.SHUTTING_DOWN, "the streamer ends; try again", _RETRY_AFTER
            )
        self._require_picture(offer)
        try:
            viewer = self._viewers.admit(ticket)
        except ViewerLimitReached as error:
            raise HttpProblem(ProblemCode.VIEWER_LIMIT_REACHED, str(error), _RETRY_AFTER) from None
        try:
            accepted = await self._media.accept(offer, viewer, self._codecs())
        except MalformedOffer as error:
            self._viewers.left(viewer)
            raise HttpProblem(ProblemCode.SDP_MALFORMED, str(error)) from None
        except NoCommonCodec as error:
            self._viewers.left(viewer)
            raise HttpProblem(ProblemCode.NO_COMMON_CODEC, str(error)) from None
        except BaseException:
            self._viewers.left(viewer)
            raise
        self._forget_closed()
        self._resources[accepted.viewer_id] = _Resource(etag=accepted.etag, viewer=viewer)
        response = web.Response(
            status=201,
            body=accepted.answer_sdp.encode(),
            content_type=_SDP,
            headers={
                "Location": f"{WHEP_PATH}/{accepted.viewer_id}",
                "ETag": accepted.etag,
                "Accept-Patch": _TRICKLE,
                "Cache-Control": "no-store",
            },
        )
        self._add_links(response, ticket)
        return response

    async def _patch_resource(self, request: web.Request) -> web.Response:
        viewer_id, resource = self._find(request)
        fragment = await _read_sdp(request, _TRICKLE)
        expected = request.headers.get("If-Match")
        if expected is None:
            raise HttpProblem(
                ProblemCode.ETAG_MISSING,
                "If-Match is missing; expected the ETag of the answer, or * for an ICE restart",
            )
        if expected.strip() not in {"*", resource.etag}:
            raise HttpProblem(
                ProblemCode.ETAG_MISMATCH,
                "If-Match is not the ETag of this connection's present ICE session",
            )
        try:
            restarted = self._media.apply_fragment(viewer_id, fragment)
        except MalformedFragment as error:
            raise HttpProblem(ProblemCode.SDP_MALFORMED, str(error)) from None
        except UnknownViewer:
            raise HttpProblem(ProblemCode.NO_SUCH_RESOURCE, _OVER) from None
        if restarted is None:
            return web.Response(status=204)
        self._resources[viewer_id] = replace(resource, etag=restarted.etag)
        return web.Response(
            body=restarted.fragment.encode(),
            content_type=_TRICKLE,
            headers={"ETag": restarted.etag, "Cache-Control": "no-store"},
        )

    async def _delete_resource(self, request: web.Request) -> web.Response:
        viewer_id = request.match_info["viewer_id"]
        if self._resources.pop(viewer_id, None) is None:
            raise HttpProblem(ProblemCode.NO_SUCH_RESOURCE, _OVER)
        # A viewer often closes its connection before its DELETE is here.
        with contextlib.suppress(UnknownViewer):
            await self._media.close_viewer(viewer_id, "the viewer left")
        return web.Response()

    async def _options(self, request: web.Request) -> web.Response:
        response = web.Response(status=204, headers={"Allow": "OPTIONS, POST", "Accept-Post": _SDP})
        # Some players ask for ICE servers before they offer. A preflight shows no ticket.
        if bearer_token(request) is not None:
            with contextlib.suppress(HttpProblem):
                self._add_links(response, self._ticket_of(request))
        return response

    def _add_links(self, response: web.Response, ticket: Ticket) -> None:
        """Name the ICE servers; only to who has a ticket, since TURN costs its owner money."""
        for link in self._ice_servers.links(ticket.id, time.time()):
            response.headers.add("Link", link)

    async def _options_of_resource(self, _request: web.Request) -> web.Response:
        return web.Response(
            status=204, headers={"Allow": "DELETE, OPTIONS, PATCH", "Accept-Patch": _TRICKLE}
        )

    def _ticket_of(self, request: web.Request) -> Ticket:
        token = bearer_token(request)
        if token is None:
            raise HttpProblem(
                ProblemCode.TOKEN_MISSING,
                "the header Authorization is missing; expected: Bearer and a ticket",
                CHALLENGE,
            )
        try:
            return verify_ticket(
                token, session_uid=self._session_uid(), key=self._keys.ticket_key()
            )
        except TicketExpired as error:
            raise HttpProblem(ProblemCode.TOKEN_EXPIRED, str(error), CHALLENGE_INVALID) from None
        except InvalidTicket as error:
            raise HttpProblem(ProblemCode.TOKEN_INVALID, str(error), CHALLENGE_INVALID) from None

    def _require_picture(self, offer: str) -> None:
        """
        Refuse a player that could only show black.

        One with a data channel comes in at any time: it is told how the phone does, and has the
        picture as soon as there is one.
        """
        capture = self._capture()
        if capture.state is not CaptureState.RUNNING and "m=application" not in offer:
            raise HttpProblem(ProblemCode.NOT_STREAMING, capture.message, _RETRY_AFTER)

    def _find(self, request: web.Request) -> tuple[str, _Resource]:
        viewer_id = request.match_info["viewer_id"]
        resource = self._resources.get(viewer_id)
        if resource is None or resource.viewer.is_closed:
            raise HttpProblem(ProblemCode.NO_SUCH_RESOURCE, _OVER)
        return viewer_id, resource

    def _forget_closed(self) -> None:
        self._resources = {
            viewer_id: resource
            for viewer_id, resource in self._resources.items()
            if not resource.viewer.is_closed
        }


async def _read_sdp(request: web.Request, content_type: str) -> str:
    if request.content_type != content_type:
        raise HttpProblem(
            ProblemCode.UNSUPPORTED_MEDIA_TYPE,
            f"content type is {request.content_type}; expected {content_type}",
            {"Accept-Patch" if content_type == _TRICKLE else "Accept-Post": content_type},
        )
    return await read_body(request, limit_bytes=MAX_SDP_BYTES, too_large=ProblemCode.SDP_TOO_LARGE)
