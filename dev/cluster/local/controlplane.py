"""Command lines of etcd, the API server, the controller manager and the scheduler."""

from collections.abc import Mapping
from pathlib import Path

from dev.cluster.local import layout as addresses
from dev.cluster.local.layout import Layout
from dev.cluster.local.processes import Daemon

# A lost node is noticed in seconds, not in the 50 of a production cluster. The kubelet renews
# its lease four times in that time (see node.LEASE_S).
_NODE_GRACE = "20s"
# The controllers' usual 20 requests a second make the first start 4 s longer, and every test
# that removes a namespace slower.
_CLIENT_RATE = {"kube-api-qps": "200", "kube-api-burst": "400"}


def daemons(layout: Layout, programs: Mapping[str, Path], path: str) -> tuple[Daemon, ...]:
    """
    Return the control plane's programs, in the order of their start.

    Args:
        layout: where their files are.
        programs: etcd and Kubernetes' programs by name.
        path: PATH for what they start.
    """
    flags = {
        "etcd": _etcd(layout),
        "kube-apiserver": _apiserver(layout),
        "kube-controller-manager": _controller_manager(layout),
        "kube-scheduler": _scheduler(layout),
    }
    return tuple(
        Daemon(
            name=name,
            argv=(
                str(programs[name]),
                *(f"--{flag}={value}" for flag, value in values.items()),
            ),
            path=path,
        )
        for name, values in flags.items()
    )


def _etcd(layout: Layout) -> dict[str, str]:
    client = f"https://{addresses.NODE_ADDRESS}:{addresses.ETCD_PORT}"
    peer = f"https://{addresses.NODE_ADDRESS}:{addresses.ETCD_PEER_PORT}"
    pki = layout.pki
    return {
        "name": addresses.NODE_NAME,
        "data-dir": str(layout.etcd),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"{addresses.NODE_NAME}={peer}",
        # Pods can reach the bridge, so that etcd asks everybody for a certificate.
        "client-cert-auth": "true",
        "trusted-ca-file": str(pki / "ca.crt"),
        "cert-file": str(pki / "etcd.crt"),
        "key-file": str(pki / "etcd.key"),
        "peer-client-cert-auth": "true",
        "peer-trusted-ca-file": str(pki / "ca.crt"),
        "peer-cert-file": str(pki / "etcd.crt"),
        "peer-key-file": str(pki / "etcd.key"),
        "log-outputs": "stderr",
        "logger": "zap",
    }


def _apiserver(layout: Layout) -> dict[str, str]:
    pki = layout.pki
    return {
        "advertise-address": addresses.NODE_ADDRESS,
        "bind-address": addresses.NODE_ADDRESS,
        "secure-port": str(addresses.API_PORT),
        "tls-cert-file": str(pki / "kube-apiserver.crt"),
        "tls-private-key-file": str(pki / "kube-apiserver.key"),
        "client-ca-file": str(pki / "ca.crt"),
        "requestheader-client-ca-file": str(pki / "front-proxy-ca.crt"),
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        # Redroid phones are privileged; Pod Security admission still judges each namespace.
        "allow-privileged": "true",
        "service-cluster-ip-range": addresses.SERVICE_RANGE,
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": str(pki / "service-account.pub"),
        "service-account-signing-key-file": str(pki / "service-account.key"),
        "etcd-servers": f"https://{addresses.NODE_ADDRESS}:{addresses.ETCD_PORT}",
        "etcd-cafile": str(pki / "ca.crt"),
        "etcd-certfile": str(pki / "etcd.crt"),
        "etcd-keyfile": str(pki / "etcd.key"),
        # For `kubectl logs`, `exec` and `port-forward`.
        "kubelet-certificate-authority": str(pki / "ca.crt"),
        "kubelet-client-certificate": str(pki / "kube-apiserver-client.crt"),
        "kubelet-client-key": str(pki / "kube-apiserver-client.key"),
        "kubelet-preferred-address-types": "InternalIP",
        "profiling": "false",
    }


def _controller_manager(layout: Layout) -> dict[str, str]:
    config = str(layout.kubeconfig("kube-controller-manager"))
    return {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "bind-address": addresses.NODE_ADDRESS,
        "root-ca-file": str(layout.pki / "ca.crt"),
        "service-account-private-key-file": str(layout.pki / "service-account.key"),
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        **_CLIENT_RATE,
        "node-monitor-grace-period": _NODE_GRACE,
        "node-monitor-period": "2s",
        "profiling": "false",
    }


def _scheduler(layout: Layout) -> dict[str, str]:
    config = str(layout.kubeconfig("kube-scheduler"))
    return {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "bind-address": addresses.NODE_ADDRESS,
        "leader-elect": "false",
        **_CLIENT_RATE,
        "profiling": "false",
    }
