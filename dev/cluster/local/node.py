"""The node: configuration and command lines of the kubelet and kube-proxy."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.cluster.local import layout as addresses
from dev.cluster.local.layout import Layout
from dev.cluster.local.processes import Daemon
from dev.tools import files

# Renewed every quarter of it.
LEASE_S = 20


def nameservers(resolv_conf: str) -> list[str]:
    """
    Return the name servers of a `resolv.conf` that a pod can reach too; see resolv.conf(5).

    Loopback addresses are the machine's own, such as systemd-resolved's.
    """
    rows = (line.split() for line in resolv_conf.splitlines())
    found = [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"]
    return [address for address in found if not address.startswith("127.") and address != "::1"]


def kubelet_configuration(layout: Layout, servers: Sequence[str]) -> dict[str, Any]:
    """
    Return the KubeletConfiguration, kubelet.config.k8s.io/v1beta1.

    Args:
        layout: where its files are.
        servers: the machine's name servers. Pods ask them, because there is no cluster DNS;
            without any the kubelet would warn about every pod.
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": addresses.NODE_ADDRESS,
        "port": addresses.PORTS["kubelet"],
        "healthzBindAddress": addresses.NODE_ADDRESS,
        "healthzPort": addresses.PORTS["kubelet (health)"],
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(layout.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "clusterDNS": list(servers),
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "podLogsDir": str(layout.pod_logs),
        "volumePluginDir": str(layout.kubelet / "volume-plugins"),
        # Without CAP_SYS_RESOURCE the usual -999 is refused.
        "oomScoreAdj": 0,
        "nodeLeaseDurationSeconds": LEASE_S,
        # A developer's disk is often nearly full, and nothing could fetch a lost image again.
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
            "imagefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "maxPods": 200,
    }


def proxy_configuration(layout: Layout) -> dict[str, Any]:
    """Return the KubeProxyConfiguration, kubeproxy.config.k8s.io/v1alpha1."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(layout.kubeconfig("kube-proxy"))},
        "mode": "iptables",
        "hostnameOverride": addresses.NODE_NAME,
        "bindAddress": addresses.NODE_ADDRESS,
        "healthzBindAddress": f"{addresses.NODE_ADDRESS}:{addresses.PORTS['kube-proxy (health)']}",
        "metricsBindAddress": f"{addresses.NODE_ADDRESS}:{addresses.PORTS['kube-proxy (metrics)']}",
        "clusterCIDR": addresses.POD_SUBNET,
        "oomScoreAdj": 0,
        # Zero leaves the machine's own limits as they are.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpCloseWaitTimeout": "0s",
            "tcpEstablishedTimeout": "0s",
        },
        # A new Service's port works at once and not up to a second later.
        "iptables": {"minSyncPeriod": "100ms", "localhostNodePorts": True},
    }


def write_configurations(layout: Layout) -> None:
    """Write both configuration files; JSON is valid YAML."""
    for name, content in {
        "kubelet": kubelet_configuration(layout, _machine_nameservers()),
        "kube-proxy": proxy_configuration(layout),
    }.items():
        files.write_private(_file(layout, name), json.dumps(content, indent=1))


def daemons(layout: Layout, programs: Mapping[str, Path], path: str) -> tuple[Daemon, ...]:
    """
    Return the node's programs, in the order of their start.

    Args:
        layout: where their files are.
        programs: Kubernetes' programs by name.
        path: PATH for what they start: mount, iptables and others.
    """
    kubelet = _file(layout, "kubelet")
    proxy = _file(layout, "kube-proxy")
    return (
        Daemon(
            name="kubelet",
            argv=(
                str(programs["kubelet"]),
                f"--config={kubelet}",
                f"--kubeconfig={layout.kubeconfig('kubelet')}",
                f"--root-dir={layout.kubelet}",
                f"--cert-dir={layout.pki}",
                f"--hostname-override={addresses.NODE_NAME}",
                f"--node-ip={addresses.NODE_ADDRESS}",
            ),
            files=(kubelet,),
            path=path,
        ),
        Daemon(
            name="kube-proxy",
            argv=(str(programs["kube-proxy"]), f"--config={proxy}"),
            files=(proxy,),
            path=path,
        ),
    )


def _machine_nameservers() -> list[str]:
    # Where systemd-resolved runs, the first file has the servers behind its loopback address.
    for file in ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"):
        try:
            return nameservers(Path(file).read_text(encoding="utf-8"))
        except OSError:
            continue
    return []


def _file(layout: Layout, name: str) -> Path:
    return layout.config / f"{name}.json"
