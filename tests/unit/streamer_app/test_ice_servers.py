"""What viewers are told of STUN and TURN servers."""

import pytest

from cloudphone_streamer.errors import SettingsError
from cloudphone_streamer.settings import Settings
from cloudphone_streamer.signaling.ice_servers import IceServers, turn_credential


def test_a_credential_for_a_time_is_what_coturn_computes() -> None:
    # printf 1433895918:ninefingers | openssl dgst -sha1 -hmac north -binary | base64
    assert turn_credential("north", "ninefingers", 1_433_895_918) == (
        "1433895918:ninefingers",
        "jy8hTxmOO7UtEKXqSkSlvakPVYA=",
    )


def test_lasting_credentials_are_in_each_turn_link() -> None:
    servers = IceServers(
        stun_urls=("stun:stun.example.org:3478",),
        turn_urls=("turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:443"),
        username='a "user"\\',
        credential="secret",
    )
    proof = 'username="a \\"user\\"\\\\"; credential="secret"; credential-type="password"'
    assert servers.links("viewer", 0.0) == [
        '<stun:stun.example.org:3478>; rel="ice-server"',
        f'<turn:turn.example.org:3478?transport=udp>; rel="ice-server"; {proof}',
        f'<turns:turn.example.org:443>; rel="ice-server"; {proof}',
    ]


def test_with_a_secret_each_viewer_has_a_credential_for_a_day() -> None:
    servers = IceServers(turn_urls=("turn:turn.example.org",), auth_secret="north")
    username, credential = turn_credential("north", "viewer-1", 1_000 + 86_400)
    proof = f'credential="{credential}"; credential-type="password"'
    assert servers.links("viewer-1", 1_000.9) == [
        f'<turn:turn.example.org>; rel="ice-server"; username="{username}"; {proof}'
    ]


def test_without_servers_there_is_nothing_to_tell() -> None:
    assert IceServers().links("viewer", 0.0) == []


def test_secrets_are_not_in_what_is_logged() -> None:
    assert "north" not in repr(IceServers(auth_secret="north", credential="north"))


def test_the_guide_s_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "STUN_SERVERS", "stun:stun.l.google.com:19302, stun:stun1.l.google.com:19302"
    )
    monkeypatch.setenv("TURN_URLS", "turn:[2001:db8::7]:3478?transport=tcp")
    monkeypatch.setenv("TURN_USERNAME", "user")
    monkeypatch.setenv("TURN_CREDENTIAL", "hidden")
    settings = Settings.from_env()
    assert settings.stun_servers == (
        "stun:stun.l.google.com:19302",
        "stun:stun1.l.google.com:19302",
    )
    assert settings.turn_urls == ("turn:[2001:db8::7]:3478?transport=tcp",)
    assert settings.turn_credential.get_secret_value() == "hidden"
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        pytest.param({"STUN_SERVERS": "stun.example.org"}, "STUN_SERVERS is", id="no scheme"),
        pytest.param({"STUN_SERVERS": "turn:a.example"}, "stun or stuns URIs", id="TURN for STUN"),
        pytest.param({"TURN_URLS": 'turn:a">;x'}, "TURN_URLS is", id="characters of a header"),
        pytest.param(
            {"TURN_URLS": "turn:a.example", "TURN_USERNAME": "u"},
            "TURN_USERNAME and TURN_CREDENTIAL, or TURN_AUTH_SECRET",
            id="a user without a password",
        ),
        pytest.param(
            {"TURN_URLS": "turn:a.example", "TURN_USERNAME": "u", "TURN_AUTH_SECRET": "hidden"},
            "one kind of credential",
            id="two kinds",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    environment: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=problem) as caught:
        Settings.from_env()
    assert "hidden" not in str(caught.value)
