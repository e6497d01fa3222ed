"""
What the operator is told by its environment, once, at start.

Each variable is the field's name in capitals after `CLOUDPHONE_`. Lists are separated by commas.
"""

import ipaddress
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloudphone_operator.errors import OperatorError
from cloudphone_operator.names import OPERATOR

Port = Annotated[int, Field(ge=1, le=65535)]
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_PREFIX = "CLOUDPHONE_"


class SettingsError(OperatorError):
    """An environment variable is missing or cannot be used; the text names each."""


class ServiceType(StrEnum):
    """Type of each session's Service."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"


class ImagePullPolicy(StrEnum):
    """When the kubelet fetches the streamer's image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Settings(BaseSettings):
    """Settings of the command `run`."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    streamer_image: Annotated[str, Field(min_length=1)]
    """Image of streamer pods, unless the session names an allowed one."""
    streamer_image_pull_policy: ImagePullPolicy = ImagePullPolicy.IF_NOT_PRESENT
    allowed_images: Annotated[tuple[str, ...], NoDecode] = ()
    """Images that `spec.placement.image` may name."""
    device_cidrs: Annotated[tuple[IPNetwork, ...], NoDecode] = ()
    """Networks that `spec.device.address` may lie in; empty: no address is accepted."""
    streamer_service_type: ServiceType = ServiceType.CLUSTER_IP
    port_quarantine_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    """Rest of a media port between two sessions; conntrack keeps UDP flows for up to 120 s."""
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Namespaces whose sessions are served; empty: all."""

    pod_name: Annotated[str, Field(min_length=1)]
    """This replica, as holder of the Lease."""
    pod_namespace: Annotated[str, Field(min_length=1)]
    """Namespace of the Lease, the reports Service and its EndpointSlice."""
    pod_ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    """Where this replica takes reports."""

    lease_name: str = OPERATOR
    reports_service_name: str = f"{OPERATOR}-reports"
    reports_port: Port = 8081
    metrics_port: Port = 9090
    """Metrics and health; not for the outside."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("allowed_images", "device_cidrs", "watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def load_settings() -> Settings:
    """
    Read the settings from the environment.

    Raises:
        SettingsError: Naming each variable that is missing or cannot be used.
    """
    try:
        return Settings.model_validate({})
    except ValidationError as error:
        raise SettingsError("; ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for item in error.errors(include_url=False, include_context=False):
        variable = _PREFIX + str(item["loc"][0]).upper()
        if item["type"] == "missing":
            sentences.append(f"{variable} is not set; expected a value")
        else:
            sentences.append(f"{variable} is {item['input']!r:.80}; expected: {item['msg']}")
    return sentences
