"""WHEP over real HTTP, with stock aiortc as the player."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from cloudphone_protocol.environment import SESSION_PUSH_PATH
from cloudphone_protocol.session import Access
from tests.integration.streamer_app.process import ADDRESS, Session, Streamer, streamer
from tests.support.whep import WhepRefused, WhepViewer

SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}


async def make_offer(*, with_channel: bool = True) -> str:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="recvonly")
    if with_channel:
        peer.createDataChannel("control")
    await peer.setLocalDescription(await peer.createOffer())
    sdp = peer.localDescription.sdp
    await peer.close()
    return sdp


async def request(
    running: Streamer,
    method: str,
    path: str = "/whep",
    *,
    data: str = "",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Mapping[str, str], Any]:
    async with running.http.request(
        method, running.url + path, data=data, headers=headers
    ) as response:
        text = await response.text()
        is_json = response.content_type == "application/json"
        return response.status, response.headers, json.loads(text) if is_json else text


def bearer(ticket: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {ticket}"}


async def test_a_player_sees_moving_pictures_and_leaves(running: Streamer) -> None:
    async with WhepViewer(f"{running.url}/whep", running.session.ticket()) as viewer:
        await viewer.connect()
        first = await viewer.next_frame()
        frames = [await viewer.next_frame() for _ in range(20)]
        assert any(bytes(frame.planes[0]) != bytes(first.planes[0]) for frame in frames), (
            "the picture does not move"
        )
        assert await running.metric("media_service_active_sessions") == 1
    async with asyncio.timeout(5):
        while await running.metric("media_service_active_sessions"):
            await asyncio.sleep(0.05)
    assert await running.metric("media_service_sessions_total") == 1


async def test_two_players_share_the_one_port(running: Streamer) -> None:
    url, ticket = f"{running.url}/whep", running.session.ticket()
    async with WhepViewer(url, ticket) as one, WhepViewer(url, ticket) as other:
        await one.connect()
        await other.connect()
        await asyncio.gather(one.next_frame(), other.next_frame())
        assert await running.metric("media_service_active_sessions") == 2


async def test_the_answer_has_what_whep_wants(running: Streamer) -> None:
    status, headers, answer = await request(
        running,
        "POST",
        data=await make_offer(),
        headers={**SDP, **bearer(running.session.ticket())},
    )
    assert status == 201
    assert headers["Content-Type"] == "application/sdp"
    assert headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    assert headers["ETag"].startswith('"')
    assert len(headers["Location"].removeprefix("/whep/")) >= 22, "128 bits are 22 characters"
    assert "a=ice-lite" in answer
    assert f"{ADDRESS} {running.media_port} typ host" in answer


async def test_offers_without_a_right_to_watch_are_refused(running: Streamer) -> None:
    session = running.session
    refused = {
        "no ticket": ({}, "token_missing"),
        "another scheme": ({"Authorization": "Basic eDp5"}, "token_missing"),
        "no JWT": (bearer("abc"), "token_invalid"),
        "no ASCII": (bearer("é.é.é"), "token_invalid"),
        "expired": (bearer(session.ticket(age_s=120)), "token_expired"),
        "another session": (bearer(session.ticket(uid="uid-2")), "token_invalid"),
        "another key": (bearer(session.ticket(key=b"k" * 32)), "token_invalid"),
    }
    offer = await make_offer()
    seen = {}
    for name, (headers, _) in refused.items():
        status, answered, body = await request(
            running, "POST", data=offer, headers={**SDP, **headers}
        )
        assert status == 401, name
        assert answered["WWW-Authenticate"].startswith("Bearer"), name
        assert body["message"], name
        seen[name] = body["error"]
    assert seen == {name: code for name, (_, code) in refused.items()}
    assert await running.metric('media_service_http_requests_refused_total{code="token_inv') == 4


async def test_a_ticket_in_the_query_does_not_count(running: Streamer) -> None:
    status, _, body = await request(
        running,
        "POST",
        f"/whep?ticket={running.session.ticket()}",
        data=await make_offer(),
        headers=SDP,
    )
    assert (status, body["error"]) == (401, "token_missing")


async def test_bad_offers_are_refused_with_a_code_and_a_sentence(running: Streamer) -> None:
    token = bearer(running.session.ticket())
    good = await make_offer()
    unknown_codecs = "\r\n".join(
        line.replace("VP8", "VP9")
        for line in good.splitlines()
        if "H264" not in line and "profile-level" not in line
    )
    cases: dict[str, tuple[str, dict[str, str], int, str]] = {
        "JSON": ("{}", {"Content-Type": "application/json"}, 415, "unsupported_media_type"),
        "empty": ("", SDP, 400, "sdp_malformed"),
        "no SDP": ("hello", SDP, 400, "sdp_malformed"),
        "half an offer": (good[:300], SDP, 400, "sdp_malformed"),
        "no fingerprint": (
            good.replace("a=fingerprint", "a=x-fingerprint"),
            SDP,
            400,
            "sdp_malformed",
        ),
        "huge": ("v=0\r\n" * 20_000, SDP, 413, "sdp_too_large"),
        "neither H.264 nor VP8": (unknown_codecs, SDP, 406, "no_common_codec"),
    }
    for name, (offer, content_type, status, code) in cases.items():
        answered, _, body = await request(
            running, "POST", data=offer, headers={**content_type, **token}
        )
        assert (answered, body["error"]) == (status, code), name
        assert len(body["message"]) > 10, name
    assert await running.metric("media_service_sessions_total") == 0
    # None of them has ended or harmed anything.
    async with WhepViewer(f"{running.url}/whep", running.session.ticket()) as viewer:
        await viewer.connect()
        await viewer.next_frame()


async def test_methods_that_whep_does_not_know_are_answered_405(running: Streamer) -> None:
    for method, path in (
        ("GET", "/whep"),
        ("PUT", "/whep"),
        ("DELETE", "/whep"),
        ("GET", "/whep/some-id"),
        ("POST", "/whep/some-id"),
        ("POST", "/"),
    ):
        status, headers, body = await request(running, method, path)
        assert (status, body["error"]) == (405, "method_not_allowed"), (method, path)
        assert method not in headers["Allow"]


async def test_options_say_what_is_accepted(running: Streamer) -> None:
    status, headers, _ = await request(running, "OPTIONS")
    assert (status, headers["Accept-Post"]) == (204, "application/sdp")


async def test_guessed_resources_do_not_exist(running: Streamer) -> None:
    for method in ("PATCH", "DELETE"):
        status, _, body = await request(running, method, "/whep/guess", headers=TRICKLE)
        assert (status, body["error"]) == (404, "no_such_resource")
    status, _, body = await request(running, "GET", "/../../etc/passwd")
    assert (status, body["error"]) == (404, "no_such_resource")


async def test_trickle_follows_the_rules_of_entity_tags(running: Streamer) -> None:
    offer = await make_offer()
    _, headers, _ = await request(
        running, "POST", data=offer, headers={**SDP, **bearer(running.session.ticket())}
    )
    path, etag = headers["Location"], headers["ETag"]
    ufrag = next(line for line in offer.splitlines() if line.startswith("a=ice-ufrag:"))
    fragment = f"{ufrag}\r\na=ice-pwd:{'p' * 24}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    other = fragment.replace(ufrag, "a=ice-ufrag:other")
    cases: list[tuple[dict[str, str], str, int]] = [
        ({**TRICKLE, "If-Match": etag}, fragment, 204),
        ({**TRICKLE, "If-Match": "*"}, fragment, 204),
        (TRICKLE, fragment, 428),
        ({**TRICKLE, "If-Match": '"old"'}, fragment, 412),
        (TRICKLE, other, 428),
        ({**TRICKLE, "If-Match": etag}, "", 400),
        ({**SDP, "If-Match": etag}, fragment, 415),
    ]
    for sent, body, expected in cases:
        status, _, _ = await request(running, "PATCH", path, data=body, headers=sent)
        assert status == expected, (sent, body)


async def test_a_restart_has_new_credentials_and_another_entity_tag(running: Streamer) -> None:
    offer = await make_offer()
    _, headers, answer = await request(
        running, "POST", data=offer, headers={**SDP, **bearer(running.session.ticket())}
    )
    path, etag = headers["Location"], headers["ETag"]
    fragment = f"a=ice-ufrag:other\r\na=ice-pwd:{'q' * 24}\r\n"
    status, headers, body = await request(
        running, "PATCH", path, data=fragment, headers={**TRICKLE, "If-Match": "*"}
    )
    assert (status, headers["Content-Type"]) == (200, "application/trickle-ice-sdpfrag")
    assert headers["ETag"] != etag
    lines = body.splitlines()
    assert "a=ice-lite" in lines
    for prefix in ("a=ice-ufrag:", "a=ice-pwd:"):
        [mine] = [line for line in lines if line.startswith(prefix)]
        assert mine not in answer.splitlines()
    assert [line for line in lines if line.startswith("a=candidate:")] == [
        line for line in answer.splitlines() if line.startswith("a=candidate:")
    ]
    for sent, expected in ((etag, 412), (headers["ETag"], 204)):
        status, _, _ = await request(
            running, "PATCH", path, data=fragment, headers={**TRICKLE, "If-Match": sent}
        )
        assert status == expected


async def test_delete_ends_the_connection_and_its_address(running: Streamer) -> None:
    _, headers, _ = await request(
        running,
        "POST",
        data=await make_offer(),
        headers={**SDP, **bearer(running.session.ticket())},
    )
    assert (await request(running, "DELETE", headers["Location"]))[0] == 200
    assert (await request(running, "DELETE", headers["Location"]))[0] == 404


async def test_a_full_session_says_so_and_has_room_again(session: Session) -> None:
    document = session.document.model_copy(update={"access": Access(max_viewers=1)})
    full = Session(directory=session.directory, document=document)
    async with streamer(full) as running:
        url, ticket = f"{running.url}/whep", full.ticket()
        async with WhepViewer(url, ticket) as first:
            await first.connect()
            await first.next_frame()
            async with WhepViewer(url, ticket) as second:
                with pytest.raises(WhepRefused, match=r"409.*viewer_limit_reached"):
                    await second.connect()
        async with WhepViewer(url, ticket) as third:
            await third.connect()
            await third.next_frame()


async def test_other_sites_may_not_call_unless_they_are_named(session: Session) -> None:
    friend = {"Origin": "https://phones.example.org"}
    async with streamer(session) as running:
        _, headers, _ = await request(running, "OPTIONS", headers=friend)
        assert not [name for name in headers if name.lower().startswith("access-control")]
    environment = {"CORS_ALLOWED_ORIGINS": "https://phones.example.org"}
    async with streamer(session, environment=environment) as running:
        _, headers, _ = await request(running, "OPTIONS", headers=friend)
        assert headers["Access-Control-Allow-Origin"] == "https://phones.example.org"
        assert "Authorization" in headers["Access-Control-Allow-Headers"]
        assert "Location" in headers["Access-Control-Expose-Headers"]
        _, headers, _ = await request(running, "OPTIONS", headers={"Origin": "https://evil.test"})
        assert "Access-Control-Allow-Origin" not in headers


async def test_the_page_is_served_with_a_policy_and_an_entity_tag(running: Streamer) -> None:
    status, headers, _ = await request(running, "GET", "/")
    assert status == 200
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"
    known = {"If-None-Match": headers["ETag"]}
    assert (await request(running, "GET", "/", headers=known))[0] == 304
    _, script, _ = await request(running, "GET", "/main.js")
    assert script["Content-Type"] == "text/javascript; charset=utf-8"


async def test_the_public_port_tells_health_and_nothing_internal(running: Streamer) -> None:
    status, _, body = await request(running, "GET", "/health")
    assert (status, body) == (200, {"status": "ok", "service": "media-service"})
    for path in ("/metrics", "/livez", "/internal/v1/session"):
        assert (await request(running, "GET", path))[0] == 404


async def test_many_abandoned_offers_leave_the_session_usable(running: Streamer) -> None:
    offer = await make_offer()
    for _ in range(20):
        _, headers, _ = await request(
            running, "POST", data=offer, headers={**SDP, **bearer(running.session.ticket())}
        )
        await request(running, "DELETE", headers["Location"])
    async with WhepViewer(f"{running.url}/whep", running.session.ticket()) as viewer:
        await viewer.connect()
        await viewer.next_frame()


@pytest.mark.parametrize("port", ["port", "internal_port"])
async def test_a_token_of_any_bytes_is_refused_and_is_no_failure_of_ours(
    running: Streamer, port: str
) -> None:
    method, path = {"port": ("POST", "/whep"), "internal_port": ("PUT", SESSION_PUSH_PATH)}[port]
    reader, writer = await asyncio.open_connection("127.0.0.1", getattr(running, port))
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n".encode()
        + b"Authorization: Bearer \xff\xfe\r\nContent-Length: 0\r\n\r\n"
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 401")
    writer.close()
    assert "request failed" not in running.log.read_text()


async def test_an_offer_that_breaks_off_is_no_failure_of_ours(running: Streamer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        b"POST /whep HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
        b"Authorization: Bearer " + running.session.ticket().encode() + b"\r\n"
        b"Content-Length: 1000\r\n\r\nv=0"
    )
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    name = 'media_service_http_requests_refused_total{code="body_unreadable"}'
    async with asyncio.timeout(5):
        while not await running.metric(name):
            await asyncio.sleep(0.05)
    assert "request failed" not in running.log.read_text()


async def test_compressed_offers_are_not_unpacked(running: Streamer) -> None:
    status, _, body = await request(
        running,
        "POST",
        data="no gzip",
        headers={**SDP, **bearer(running.session.ticket()), "Content-Encoding": "gzip"},
    )
    assert (status, body["error"]) == (400, "sdp_malformed")
    assert "level=error" not in running.log.read_text()


async def test_a_connection_that_sends_no_body_holds_nobody_up(running: Streamer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        b"POST /whep HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
        b"Authorization: Bearer " + running.session.ticket().encode() + b"\r\n"
        b"Content-Length: 1000\r\n\r\n"
    )
    await writer.drain()
    async with aiohttp.ClientSession() as http, http.get(f"{running.url}/health") as response:
        assert response.status == 200
    writer.close()
