from ipaddress import ip_network

import pytest

from cloudphone_operator.settings import ServiceType, SettingsError, load_settings

NEEDED = {
    "STREAMER_IMAGE": "registry.example/streamer:1",
    "POD_NAME": "operator-1",
    "POD_NAMESPACE": "system",
    "POD_IP": "10.0.0.1",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(f"CLOUDPHONE_{name}", value)
    return monkeypatch


def test_lists_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLOUDPHONE_DEVICE_CIDRS", "10.0.0.0/8, fd00::/8,")
    environment.setenv("CLOUDPHONE_WATCH_NAMESPACES", "")
    environment.setenv("CLOUDPHONE_ALLOWED_IMAGES", "a,b")
    environment.setenv("CLOUDPHONE_STREAMER_SERVICE_TYPE", "NodePort")
    settings = load_settings()
    assert settings.device_cidrs == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.watch_namespaces == ()
    assert settings.allowed_images == ("a", "b")
    assert settings.streamer_service_type is ServiceType.NODE_PORT


def test_every_fault_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("CLOUDPHONE_POD_NAME")
    environment.setenv("CLOUDPHONE_DEVICE_CIDRS", "10.0.0.1/8")
    environment.setenv("CLOUDPHONE_REPORTS_PORT", "http")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    sentence = str(refused.value)
    assert "CLOUDPHONE_POD_NAME is not set; expected a value" in sentence
    assert "CLOUDPHONE_DEVICE_CIDRS is '10.0.0.1/8'; expected:" in sentence
    assert "CLOUDPHONE_REPORTS_PORT is 'http'; expected:" in sentence
