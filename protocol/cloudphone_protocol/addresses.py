"""How an IP address and a port are written together."""


def join_host_port(host: str, port: int) -> str:
    """
    Write `host:port`, an IPv6 address in brackets (RFC 3986 - 3.2.2).

    Args:
        host: IP address.
        port: 1..65535.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
