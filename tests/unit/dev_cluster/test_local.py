"""Pure parts of the local cluster: what is read from the machine, and what is written for it."""

import hashlib
import io
import json
import tarfile
import tomllib
from pathlib import Path

import pytest

from dev.cluster.local import (
    containerd,
    controlplane,
    kubeconfig,
    mounts,
    network,
    node,
    pki,
    ports,
)
from dev.cluster.local.api import takes_pods
from dev.cluster.local.layout import Layout
from dev.cluster.local.owner import Owner, parse, to_json
from dev.cluster.local.processes import parse_environment
from dev.cluster.local.sysctls import changes
from dev.tools.errors import DevError

FILES = Layout(state=Path("/run/x"), data=Path("/cache/x"))


class TestOwner:
    OWNER = Owner(
        checkout="/home/a/checkout",
        data="/home/a/.cache/cluster",
        sysctls={"net.ipv4.ip_forward": "0"},
        folders=["/run/containerd"],
    )

    def test_what_is_written_is_read(self) -> None:
        assert parse(to_json(self.OWNER)) == self.OWNER

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"checkout": "a", "sysctls": 1}'])
    def test_a_broken_file_is_said_with_the_remedy(self, text: str) -> None:
        with pytest.raises(DevError, match="remove it, then run"):
            parse(text)


class TestKernel:
    def test_only_settings_that_differ_are_written(self) -> None:
        wanted = {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1"}
        present = {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "0"}
        assert changes(wanted, present) == {"net.bridge.bridge-nf-call-iptables": "1"}

    def test_a_limit_that_is_higher_already_stays(self) -> None:
        name = "fs.inotify.max_user_watches"
        assert changes({name: "524288"}, {name: "1000000"}) == {}
        assert changes({name: "524288"}, {name: "8192"}) == {name: "524288"}

    def test_a_setting_that_the_kernel_lacks_is_tried(self) -> None:
        assert changes({"net.bridge.x": "1"}, {}) == {"net.bridge.x": "1"}

    def test_mount_points_come_last_mounted_first_and_unescaped(self) -> None:
        table = (
            "22 1 0:21 / /proc rw - proc proc rw\n"
            "30 1 0:30 / /run/x/a\\040b rw - tmpfs tmpfs rw\n"
            "31 1 0:31 / /run/xy rw - tmpfs tmpfs rw\n"
            "32 1 0:32 / /run/x/a\\040b/c rw - tmpfs tmpfs rw\n"
        )
        assert mounts.below(mounts.parse(table), [Path("/run/x")]) == ["/run/x/a b/c", "/run/x/a b"]

    def test_a_process_environment_is_read(self) -> None:
        assert parse_environment(b"A=1\0B=x=y\0\0junk\0") == {"A": "1", "B": "x=y"}

    def test_listening_sockets_are_told_from_connections(self) -> None:
        # Columns of /proc/net/tcp: sl local remote state queues timer retransmit uid timeout inode
        table = (
            "sl local_address rem_address st tx rx tr uid timeout inode\n"
            "0: 0100007F:280A 00000000:0000 0A 0:0 0:0 0 0 0 111 1\n"
            "1: 0100007F:280A 0100007F:9999 01 0:0 0:0 0 0 0 222 1\n"
            "2: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 333 1\n"
        )
        assert ports.listening_inodes(table, 10250) == {"111"}


class TestNetwork:
    def test_pod_addresses_are_inside_the_nodes_subnet(self) -> None:
        bridge, portmap = network.cni_configuration(Path("/leases"))["plugins"]
        assert bridge["ipam"]["dataDir"] == "/leases"
        assert bridge["ipam"]["ranges"] == [
            [
                {
                    "subnet": "198.18.0.0/24",
                    "rangeStart": "198.18.0.10",
                    "rangeEnd": "198.18.0.254",
                    "gateway": "198.18.0.1",
                }
            ]
        ]
        assert portmap == {"type": "portmap", "capabilities": {"portMappings": True}}

    @pytest.mark.parametrize(
        ("address", "prefix", "expected"),
        [
            pytest.param("198.18.0.2", 16, "tun0", id="a proxy that fakes addresses"),
            pytest.param("198.19.7.1", 32, "tun0", id="an address of a Service"),
            pytest.param("198.18.64.1", 30, None, id="the same block, but not what is used"),
            pytest.param("192.0.2.1", 24, None, id="another network"),
        ],
    )
    def test_an_interface_in_the_range_is_named(
        self, address: str, prefix: int, expected: str | None
    ) -> None:
        info = [{"family": "inet", "local": address, "prefixlen": prefix}]
        assert network.overlap([{"ifname": "tun0", "addr_info": info}]) == expected

    def test_the_clusters_own_bridge_is_no_obstacle(self) -> None:
        info = [{"family": "inet", "local": "198.18.0.1", "prefixlen": 24}]
        assert network.overlap([{"ifname": "cloudphone0", "addr_info": info}]) is None


class TestConfigurations:
    def test_containerd_keeps_everything_in_the_clusters_folders(self) -> None:
        text = containerd.configuration(
            FILES, runc=Path("/cache/runc"), plugins=Path('/odd "name"/cni')
        )
        parsed = tomllib.loads(text)
        cri = parsed["plugins"]["io.containerd.grpc.v1.cri"]
        assert parsed["root"] == "/cache/x/containerd"
        assert parsed["state"] == "/run/x/containerd"
        assert parsed["grpc"]["address"] == "/run/x/containerd.sock"
        assert cri["cni"] == {"bin_dir": '/odd "name"/cni', "conf_dir": "/run/x/config/cni"}
        assert cri["containerd"]["runtimes"]["runc"]["options"] == {
            "BinaryName": "/cache/runc",
            "Root": "/run/x/runc",
        }
        assert cri["netns_mounts_under_state_dir"] is True

    def test_the_kubelets_lease_outlives_no_more_than_the_controllers_patience(self) -> None:
        programs = {name: Path(f"/bin/{name}") for name in ("etcd", "kube-apiserver")}
        programs |= {
            name: Path(f"/bin/{name}") for name in ("kube-controller-manager", "kube-scheduler")
        }
        daemons = controlplane.daemons(FILES, programs, "/bin")
        assert [daemon.name for daemon in daemons] == [
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
        ]
        assert f"--node-monitor-grace-period={node.LEASE_S}s" in daemons[2].argv

    def test_no_secret_is_an_argument(self) -> None:
        programs = dict.fromkeys(
            ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"), Path("/bin/x")
        )
        words = [
            word for daemon in controlplane.daemons(FILES, programs, "") for word in daemon.argv
        ]
        assert not [word for word in words if "PRIVATE KEY" in word or "token" in word]

    def test_pods_ask_the_machines_name_servers_but_not_its_loopback(self) -> None:
        text = "# c\nsearch lan\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver ::1\n"
        assert node.nameservers(text) == ["192.0.2.53"]
        assert node.kubelet_configuration(FILES, ["192.0.2.53"])["clusterDNS"] == ["192.0.2.53"]

    def test_a_kubeconfig_has_everything_inside(self) -> None:
        text = kubeconfig.document(
            server="https://192.0.2.1:6443",
            user="admin",
            authority=b"A",
            certificate=b"C",
            key=b"K",
        )
        parsed = json.loads(text)
        assert parsed["current-context"] == "cloudphone-local"
        assert parsed["clusters"][0]["cluster"]["certificate-authority-data"] == "QQ=="
        assert parsed["users"][0]["user"] == {
            "client-certificate-data": "Qw==",
            "client-key-data": "Sw==",
        }


class TestCertificates:
    def test_the_kubelet_is_a_node_for_rbac_and_a_server_for_logs(self) -> None:
        (kubelet,) = (entry for entry in pki.CERTIFICATES if entry.file == "kubelet")
        assert pki.subject(kubelet) == "/O=system:nodes/CN=system:node:cloudphone-local"
        assert pki.extensions(kubelet).splitlines() == [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=serverAuth,clientAuth",
            "subjectAltName=IP:198.18.0.1,DNS:cloudphone-local",
        ]

    def test_a_client_cannot_serve(self) -> None:
        (scheduler,) = (entry for entry in pki.CERTIFICATES if entry.file == "kube-scheduler")
        assert pki.subject(scheduler) == "/CN=system:kube-scheduler"
        assert "extendedKeyUsage=clientAuth\n" in pki.extensions(scheduler)


class TestPauseImage:
    def test_its_digests_are_those_of_its_parts(self) -> None:
        with tarfile.open(fileobj=io.BytesIO(containerd.pause_archive(b"ELF", "arm64"))) as archive:
            parts = {
                member.name: (archive.extractfile(member) or io.BytesIO()).read()
                for member in archive
            }
        (manifest,) = json.loads(parts["manifest.json"])
        config = parts[manifest["Config"]]
        assert manifest["RepoTags"] == ["localhost/cloudphone/pause:1"]
        assert manifest["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
        layer = parts[manifest["Layers"][0]]
        assert json.loads(config)["architecture"] == "arm64"
        assert json.loads(config)["rootfs"]["diff_ids"] == [
            f"sha256:{hashlib.sha256(layer).hexdigest()}"
        ]
        with tarfile.open(fileobj=io.BytesIO(layer)) as files:
            assert [(file.name, file.mode) for file in files] == [("pause", 0o755)]

    def test_the_same_program_gives_the_same_image(self) -> None:
        first = containerd.pause_archive(b"ELF", "amd64")
        assert first == containerd.pause_archive(b"ELF", "amd64")


READY = {"type": "Ready", "status": "True"}


class TestNode:
    @pytest.mark.parametrize(
        ("resource", "expected"),
        [
            pytest.param({"status": {"conditions": [READY]}}, True, id="ready"),
            pytest.param({}, False, id="just registered"),
            pytest.param(
                {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
                False,
                id="lost",
            ),
            pytest.param(
                {
                    "spec": {"taints": [{"key": "node.kubernetes.io/not-ready"}]},
                    "status": {"conditions": [READY]},
                },
                False,
                id="ready but still tainted",
            ),
            pytest.param(
                {"spec": {"taints": [{"key": "mine"}]}, "status": {"conditions": [READY]}},
                True,
                id="tainted by the user",
            ),
        ],
    )
    def test_a_node_takes_pods_when_ready_and_no_longer_tainted_for_it(
        self, resource: dict[str, object], expected: bool
    ) -> None:
        assert takes_pods(resource) is expected
