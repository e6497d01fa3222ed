"""Names, addresses and files of the local cluster: the one place that decides them."""

from dataclasses import dataclass
from pathlib import Path

from dev.tools import paths

NODE_NAME = "cloudphone-local"
BRIDGE = "cloudphone0"
NETWORK_NAME = "cloudphone-local"
"""CNI network; the plugins write it into the comments of their iptables rules."""

# RFC 2544 keeps 198.18.0.0/15 for benchmarks: it collides with no network in use.
NODE_ADDRESS = "198.18.0.1"
NODE_PREFIX = "198.18.0.1/24"
POD_SUBNET = "198.18.0.0/24"
POD_FIRST = "198.18.0.10"
POD_LAST = "198.18.0.254"
SERVICE_RANGE = "198.19.0.0/16"
RANGES = (POD_SUBNET, SERVICE_RANGE)
API_SERVICE_ADDRESS = "198.19.0.1"

ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
API_PORT = 6443
# Name of what listens -> port, all on the node's address.
PORTS = {
    "etcd": ETCD_PORT,
    "etcd (peers)": ETCD_PEER_PORT,
    "kube-apiserver": API_PORT,
    "kubelet": 10250,
    "kubelet (health)": 10248,
    "kube-proxy (metrics)": 10249,
    "kube-proxy (health)": 10256,
    "kube-controller-manager": 10257,
    "kube-scheduler": 10259,
}
API_URL = f"https://{NODE_ADDRESS}:{API_PORT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Files of the local cluster: `state` is for one run of the machine, `data` may be big."""

    state: Path
    data: Path

    @property
    def owner(self) -> Path:
        return self.state / "owner.json"

    @property
    def removing(self) -> Path:
        """Return the mark of a removal that began: what is left of the cluster is no use."""
        return self.state / "removing"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def etcd(self) -> Path:
        return self.state / "etcd"

    @property
    def cni_config(self) -> Path:
        return self.config / "cni"

    @property
    def cni_leases(self) -> Path:
        return self.state / "cni"

    @property
    def containerd_state(self) -> Path:
        return self.state / "containerd"

    @property
    def containerd_socket(self) -> Path:
        return self.state / "containerd.sock"

    @property
    def containerd_root(self) -> Path:
        return self.data / "containerd"

    @property
    def runc_state(self) -> Path:
        return self.state / "runc"

    @property
    def kubelet(self) -> Path:
        return self.data / "kubelet"

    @property
    def pod_logs(self) -> Path:
        return self.data / "pod-logs"

    def kubeconfig(self, user: str) -> Path:
        """Return the kubeconfig of one component or person."""
        return self.config / f"{user}.kubeconfig"


def default() -> Layout:
    """Return this machine's layout: one local cluster a machine, whoever's checkout it serves."""
    return Layout(state=paths.RUNTIME / "cluster", data=paths.cache() / "cluster")
