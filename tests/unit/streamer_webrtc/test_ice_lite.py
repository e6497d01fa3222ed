"""Checks of a viewer, built by aioice's STUN code, and what the agent makes of them."""

import contextlib

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from cloudphone_streamer.webrtc.ice_lite import (
    MAX_PATHS,
    Credentials,
    IceLite,
    candidate_lines,
)
from cloudphone_streamer.webrtc.stun import (
    MalformedStun,
    local_user_fragment,
    parse_binding_request,
)

LOCAL = Credentials(user_fragment="localufrag12", password="localpassword0123456789a")
REMOTE = Credentials(user_fragment="Uf/r", password="remotepassword0123456789")
SOURCE = ("198.51.100.9", 4242)


def check(
    *,
    username: str = "localufrag12:Uf/r",
    password: str = LOCAL.password,
    nominate: bool = False,
    role: str = "ICE-CONTROLLING",
    transaction: bytes = b"abcdefghijkl",
) -> bytes:
    request = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=transaction,
        attributes={"USERNAME": username, "PRIORITY": 1, role: 7},
    )
    if nominate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)


def agent() -> IceLite[str]:
    return IceLite(local=LOCAL, remote=REMOTE, now_s=0.0)


def error_of(response: bytes | None) -> int | None:
    assert response is not None
    return stun.parse_message(response).error_code


def test_a_valid_check_is_answered_with_the_address_that_it_came_from() -> None:
    ice = agent()
    reply = ice.handle(check(), "a", SOURCE, 1.0)
    assert reply.validated == "a"
    assert reply.response is not None
    response = stun.parse_message(reply.response)
    assert response.message_class == stun.Class.RESPONSE
    assert response.transaction_id == b"abcdefghijkl"
    assert response.attributes["XOR-MAPPED-ADDRESS"] == SOURCE
    assert "FINGERPRINT" in response.attributes
    assert response.check_message_integrity(LOCAL.password.encode())
    assert ice.selected == "a"
    assert ice.paths == ("a",)


@pytest.mark.parametrize(
    ("datagram", "code"),
    [
        pytest.param(check(password="x" * 24), 401, id="wrong password"),
        pytest.param(check(username="localufrag12:other"), 401, id="another viewer's fragment"),
        pytest.param(check(role="ICE-CONTROLLED"), 487, id="conflict of roles"),
    ],
)
def test_a_check_that_is_refused_changes_nothing(datagram: bytes, code: int) -> None:
    ice = agent()
    reply = ice.handle(datagram, "a", SOURCE, 1.0)
    assert error_of(reply.response) == code
    assert reply.validated is None
    assert ice.selected is None
    assert ice.silent_s(3.0) == 3.0


def test_a_check_without_integrity_is_a_bad_request() -> None:
    request = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": "localufrag12:Uf/r"},
    )
    request.add_fingerprint()
    assert error_of(agent().handle(bytes(request), "a", SOURCE, 1.0).response) == 400


def test_the_first_valid_path_serves_until_one_is_nominated() -> None:
    ice = agent()
    ice.handle(check(), "a", SOURCE, 1.0)
    ice.handle(check(), "b", SOURCE, 1.1)
    assert ice.selected == "a"
    ice.handle(check(nominate=True), "b", SOURCE, 1.2)
    assert ice.selected == "b"


def test_a_later_nomination_moves_the_stream() -> None:
    ice = agent()
    ice.handle(check(nominate=True), "wifi", SOURCE, 1.0)
    ice.handle(check(), "mobile", SOURCE, 2.0)
    assert ice.selected == "wifi"
    ice.handle(check(nominate=True), "mobile", SOURCE, 2.1)
    assert ice.selected == "mobile"


def test_a_chosen_path_without_checks_gives_way_to_one_with() -> None:
    ice = agent()
    ice.handle(check(nominate=True), "a", SOURCE, 1.0)
    ice.handle(check(), "b", SOURCE, 2.0)
    ice.handle(check(), "b", SOURCE, 6.1)
    assert ice.selected == "b"


def test_silence_is_counted_from_the_last_valid_check() -> None:
    ice = agent()
    ice.handle(check(), "a", SOURCE, 1.0)
    ice.handle(check(password="x" * 24), "a", SOURCE, 9.0)
    assert ice.silent_s(11.0) == 10.0


def test_paths_are_limited_and_the_oldest_goes_first() -> None:
    ice = agent()
    ice.handle(check(nominate=True), "chosen", SOURCE, 0.0)
    for number in range(MAX_PATHS - 1):
        assert ice.handle(check(), f"{number}", SOURCE, 1.0 + number / 100).retired is None
    reply = ice.handle(check(), "one more", SOURCE, 2.0)
    assert reply.retired == "0"
    assert len(ice.paths) == MAX_PATHS
    assert ice.selected == "chosen"


def test_a_path_that_is_another_viewers_is_taken_back() -> None:
    ice = agent()
    ice.handle(check(), "a", SOURCE, 1.0)
    ice.forget("a")
    assert ice.selected is None
    assert ice.paths == ()


def test_user_fragment_is_found_before_anything_is_checked() -> None:
    assert local_user_fragment(check(password="x" * 24)) == "localufrag12"


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\x01", id="two bytes"),
        pytest.param(check()[:-1], id="cut short"),
        pytest.param(check() + b"\x00", id="one byte more"),
        pytest.param(b"\x01\x01" + check()[2:], id="a response"),
        pytest.param(check()[:4] + b"\x00\x00\x00\x00" + check()[8:], id="another cookie"),
        pytest.param(
            bytes.fromhex("000100042112a442") + b"abcdefghijkl" + bytes.fromhex("0006ffff"),
            id="a user name longer than the datagram",
        ),
    ],
)
def test_no_user_fragment_is_found_in(datagram: bytes) -> None:
    assert local_user_fragment(datagram) is None


@given(st.binary(max_size=120))
def test_any_bytes_have_a_user_fragment_or_none(datagram: bytes) -> None:
    local_user_fragment(datagram)
    local_user_fragment(b"\x00\x01" + datagram)


@given(st.binary(max_size=120))
def test_any_attributes_are_read_or_refused(attributes: bytes) -> None:
    header = b"\x00\x01" + len(attributes).to_bytes(2, "big") + bytes.fromhex("2112a442")
    with contextlib.suppress(MalformedStun):
        parse_binding_request(
            header + b"abcdefghijkl" + attributes, username="a:b", password="c" * 22
        )


def test_candidates_are_in_order_of_preference_and_tcp_comes_last() -> None:
    assert candidate_lines(["203.0.113.7", "2001:db8::7"], 50_000) == [
        # 126 << 24 | 65535 << 8 | 255, then one less of the local preference
        "a=candidate:udp0 1 udp 2130706431 203.0.113.7 50000 typ host",
        "a=candidate:udp1 1 udp 2130706175 2001:db8::7 50000 typ host",
        # 90 << 24 | (4 << 13 | 8191) << 8 | 255: RFC 6544 - 4.2, direction preference 4
        "a=candidate:tcp0 1 tcp 1520435199 203.0.113.7 50000 typ host tcptype passive",
        "a=candidate:tcp1 1 tcp 1520434943 2001:db8::7 50000 typ host tcptype passive",
    ]


def test_a_path_that_has_proved_itself_is_checked_once_unless_it_is_nominated() -> None:
    ice = agent()
    own = ice.handle(check(), "a", SOURCE, 1.0).own_check
    assert own is not None
    message = stun.parse_message(own)
    assert message.message_class == stun.Class.REQUEST
    assert message.attributes["USERNAME"] == "Uf/r:localufrag12"
    assert "ICE-CONTROLLED" in message.attributes
    assert "USE-CANDIDATE" not in message.attributes
    assert message.check_message_integrity(REMOTE.password.encode())
    assert ice.handle(check(), "a", SOURCE, 1.1).own_check is None
    assert ice.handle(check(), "b", SOURCE, 1.2).own_check is not None
    assert ice.handle(check(nominate=True), "c", SOURCE, 1.3).own_check is None
    assert ice.handle(check(), "d", SOURCE, 1.4).own_check is None


def test_a_check_that_proves_nothing_provokes_none() -> None:
    assert agent().handle(check(password="x" * 24), "a", SOURCE, 1.0).own_check is None


def test_a_restart_moves_the_stream_with_its_first_check_and_not_before() -> None:
    ice = agent()
    ice.handle(check(nominate=True), "wifi", SOURCE, 1.0)
    local = Credentials(user_fragment="second", password="secondpassword0123456789")
    remote = Credentials(user_fragment="anew", password="anewpassword012345678901")
    assert ice.restart(local=local, remote=remote) is None
    assert ice.remote == remote
    assert list(ice.user_fragments) == ["localufrag12", "second"]
    assert ice.handle(check(), "wifi", SOURCE, 2.0).ended_user_fragment is None
    assert ice.selected == "wifi"
    reply = ice.handle(
        check(username="second:anew", password=local.password), "mobile", SOURCE, 2.1
    )
    assert reply.ended_user_fragment == "localufrag12"
    assert reply.own_check is not None
    assert ice.selected == "mobile"
    assert list(ice.user_fragments) == ["second"]
    assert error_of(ice.handle(check(), "wifi", SOURCE, 2.2).response) == 401


def test_a_forged_check_of_the_new_session_ends_nothing() -> None:
    ice = agent()
    ice.handle(check(nominate=True), "wifi", SOURCE, 1.0)
    local = Credentials(user_fragment="second", password="secondpassword0123456789")
    ice.restart(local=local, remote=REMOTE)
    reply = ice.handle(check(username="second:Uf/r", password="x" * 24), "evil", SOURCE, 2.0)
    assert error_of(reply.response) == 401
    assert ice.selected == "wifi"
    assert ice.user_fragments == ("localufrag12", "second")


def test_a_restart_replaces_one_that_nobody_took_up() -> None:
    ice = agent()
    first = Credentials(user_fragment="second", password="secondpassword0123456789")
    ice.restart(local=first, remote=REMOTE)
    assert ice.restart(local=Credentials.generate(), remote=REMOTE) == "second"


def test_credentials_are_long_and_new_each_time() -> None:
    first, second = Credentials.generate(), Credentials.generate()
    assert first != second
    assert (len(first.user_fragment), len(first.password)) == (12, 24)
