"""
Settings of the process: what never changes in its life, read from environment variables.

The names are those of the deployment guide. In a pod the operator writes them
(`cloudphone_protocol.environment.PodEnvironment`); what may change is in the session document.
"""

import re
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloudphone_protocol.environment import API_PORT, INTERNAL_PORT, SESSION_DIR
from cloudphone_streamer.errors import SettingsError

_DURATION_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def parse_duration_s(text: str) -> float:
    """
    Read a duration as the deployment guide writes them: `10s`, `1m30s`, `200ms`.

    Returns:
        The duration in seconds, above zero.
    Raises:
        ValueError: If `text` is no such duration.
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("a duration such as 10s, 1m30s or 200ms")
    duration_s = sum(float(number) * _DURATION_UNITS_S[unit] for number, unit in parts)
    if duration_s <= 0:
        raise ValueError("a duration above zero")
    return duration_s


def _seconds(value: Any) -> Any:
    return parse_duration_s(value) if isinstance(value, str) else value


def _comma_separated(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part for part in (part.strip() for part in value.split(",")) if part)


def _addresses(value: Any) -> Any:
    addresses = _comma_separated(value)
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            raise ValueError(f"IP addresses separated by commas, and {address!r} is none") from None
    return addresses


_ICE_URL = re.compile(r"(stuns?|turns?):[A-Za-z0-9._\-:\[\]]+(\?transport=(udp|tcp))?")


def _ice_urls(*schemes: str) -> BeforeValidator:
    """Check that URIs are of one of two schemes (RFC 7064, RFC 7065)."""

    def check(value: Any) -> Any:
        urls = _comma_separated(value)
        for url in urls:
            if not _ICE_URL.fullmatch(url) or url.partition(":")[0] not in schemes:
                raise ValueError(
                    f"{' or '.join(schemes)} URIs separated by commas, such as "
                    f"{schemes[0]}:ice.example.org:3478, and {url!r} is none"
                )
        return urls

    return BeforeValidator(check)


def _origins(value: Any) -> Any:
    origins = _comma_separated(value)
    for origin in origins:
        parts = urlsplit(origin)
        if f"{parts.scheme}://{parts.netloc}" != origin or parts.scheme not in {"http", "https"}:
            raise ValueError(
                f"origins such as https://phones.example.org separated by commas, "
                f"and {origin!r} is none"
            )
    return origins


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


TcpPort = Annotated[int, Field(ge=1, le=65_535)]
MediaPort = Annotated[int, Field(ge=1024, le=65_535)]
Duration = Annotated[float, BeforeValidator(_seconds)]


class Settings(BaseSettings):
    """The streamer's environment; each field is the variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    port: TcpPort = API_PORT
    """Viewer page and WHEP."""
    internal_port: TcpPort = INTERNAL_PORT
    """Metrics, health and document push; not for viewers."""
    ice_port_min: MediaPort = 50_000
    ice_port_max: MediaPort = 50_100
    """Media ports, inclusive."""
    nat_1to1_ips: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_addresses)] = ()
    """Addresses that viewers reach, in order of preference; empty: the machine's own."""
    stun_servers: Annotated[tuple[str, ...], NoDecode, _ice_urls("stun", "stuns")] = ()
    """For viewers; the streamer itself needs none."""
    turn_urls: Annotated[tuple[str, ...], NoDecode, _ice_urls("turn", "turns")] = ()
    """For viewers in networks that let nothing else pass."""
    turn_username: str = ""
    turn_credential: SecretStr = SecretStr("")
    turn_auth_secret: SecretStr = SecretStr("")
    """Of coturn's `use-auth-secret`: credentials for a time, instead of the lasting ones."""
    session_dir: Path = Path(SESSION_DIR)
    """Folder with the session document, the ticket key and the credential."""
    pod_name: str = Field(default_factory=socket.gethostname)
    """Named in reports and in the log."""
    node_name: str = ""
    """Named in the log."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        "info"
    )
    scrcpy_server_path: Path = Path("/usr/share/scrcpy/scrcpy-server")
    adb_connect_timeout: Duration = 10.0
    """Seconds."""
    adb_command_timeout: Duration = 30.0
    """Seconds."""
    adb_key_path: Path | None = None
    """Private key from `adb keygen`, for phones that ask for one."""
    cors_allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    """Sites whose pages may play the stream and show the viewer page in a frame; none."""

    @model_validator(mode="after")
    def _ports_are_a_range(self) -> Self:
        if self.ice_port_max < self.ice_port_min:
            raise ValueError(
                f"ICE_PORT_MAX is {self.ice_port_max}; "
                f"expected: at least ICE_PORT_MIN, {self.ice_port_min}"
            )
        return self

    @model_validator(mode="after")
    def _turn_has_one_kind_of_credential(self) -> Self:
        lasting = (bool(self.turn_username), bool(self.turn_credential.get_secret_value()))
        for_a_time = bool(self.turn_auth_secret.get_secret_value())
        if any(lasting) and for_a_time:
            raise ValueError(
                "TURN_AUTH_SECRET is set beside TURN_USERNAME or TURN_CREDENTIAL; "
                "expected: one kind of credential"
            )
        if self.turn_urls and not all(lasting) and not for_a_time:
            raise ValueError(
                "TURN_URLS is set; expected: TURN_USERNAME and TURN_CREDENTIAL, "
                "or TURN_AUTH_SECRET with it"
            )
        return self

    @classmethod
    def from_env(cls) -> Self:
        """
        Read the environment of this process.

        Raises:
            SettingsError: With variable, value and expectation of everything that does not fit.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    sentences = []
    for item in error.errors(include_url=False):
        expectation = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        if item["loc"]:
            variable = str(item["loc"][0]).upper()
            sentences.append(f"{variable} is {item['input']!r}; expected: {expectation}")
        else:
            sentences.append(expectation)
    return "; ".join(sentences)
