"""The pod's environment, by name: the deployment guide's variables keep their meaning."""

from cloudphone_protocol.environment import PodEnvironment


def test_a_pod_is_configured_by_the_variables_of_the_deployment_guide() -> None:
    environment = PodEnvironment(
        pod_name="phone-1-1",
        node_name="node-a",
        media_port_min=50_000,
        media_port_max=50_001,
        addresses=("203.0.113.7", "2001:db8::7"),
    )
    assert environment.to_env() == {
        "SESSION_DIR": "/etc/cloudphone/session",
        "POD_NAME": "phone-1-1",
        "NODE_NAME": "node-a",
        "PORT": "8080",
        "INTERNAL_PORT": "9090",
        "ICE_PORT_MIN": "50000",
        "ICE_PORT_MAX": "50001",
        "NAT_1TO1_IPS": "203.0.113.7,2001:db8::7",
        "LOG_LEVEL": "info",
    }
