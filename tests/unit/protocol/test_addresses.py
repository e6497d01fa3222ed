"""An address and a port, as documents and URLs write them."""

import pytest

from cloudphone_protocol.addresses import join_host_port


@pytest.mark.parametrize(
    ("host", "written"),
    [("192.0.2.7", "192.0.2.7:5555"), ("2001:db8::7", "[2001:db8::7]:5555")],
)
def test_an_address_and_a_port(host: str, written: str) -> None:
    assert join_host_port(host, 5555) == written
