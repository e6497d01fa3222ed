import pytest

from cloudphone_protocol.environment import SESSION_DIR, PodEnvironment
from cloudphone_streamer.errors import SettingsError
from cloudphone_streamer.settings import Settings, parse_duration_s


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_what_the_operator_writes_is_what_the_streamer_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pod = PodEnvironment(
        pod_name="phone-1-3",
        node_name="worker-7",
        media_port_min=50_010,
        media_port_max=50_012,
        addresses=("203.0.113.7", "2001:db8::7"),
        log_level="debug",
    )
    for name, value in pod.to_env().items():
        monkeypatch.setenv(name, value)

    settings = Settings.from_env()

    assert settings.pod_name == "phone-1-3"
    assert settings.node_name == "worker-7"
    assert (settings.ice_port_min, settings.ice_port_max) == (50_010, 50_012)
    assert settings.nat_1to1_ips == ("203.0.113.7", "2001:db8::7")
    assert (settings.port, settings.internal_port) == (8080, 9090)
    assert str(settings.session_dir) == SESSION_DIR
    assert settings.log_level == "debug"


def test_every_variable_that_the_operator_writes_is_a_setting() -> None:
    pod = PodEnvironment(
        pod_name="p", node_name="n", media_port_min=50_000, media_port_max=50_000, addresses=()
    )
    assert {name.lower() for name in pod.to_env()} <= set(Settings.model_fields)


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.from_env()
    assert settings.nat_1to1_ips == ()
    assert settings.adb_connect_timeout == 10
    assert settings.adb_command_timeout == 30


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICE_PORT_MIN", "")
    assert Settings.from_env().ice_port_min == 50_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("200ms", 0.2), ("1m30s", 90), ("1.5s", 1.5), ("1h", 3600)],
)
def test_durations_are_read_as_the_guide_writes_them(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "-1s", "0s", "10s!", "1d"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="a duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("variable", "value", "expectation"),
    [
        ("PORT", "eighty", "a valid integer"),
        ("PORT", "0", "greater than or equal to 1"),
        ("ICE_PORT_MIN", "80", "greater than or equal to 1024"),
        ("ICE_PORT_MAX", "70000", "less than or equal to 65535"),
        ("ICE_PORT_MAX", "40000", "at least ICE_PORT_MIN, 50000"),
        ("NAT_1TO1_IPS", "203.0.113.7,my-host", "IP addresses separated by commas"),
        ("ADB_CONNECT_TIMEOUT", "ten", "a duration such as 10s"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("CORS_ALLOWED_ORIGINS", "*", "origins such as https://"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/path", "origins such as https://"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_the_expectation(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expectation: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    assert str(caught.value).startswith(f"{variable} is ")
    assert value in str(caught.value)
    assert expectation in str(caught.value)


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("INTERNAL_PORT", "y")
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    assert "PORT is 'x'" in str(caught.value)
    assert "INTERNAL_PORT is 'y'" in str(caught.value)
