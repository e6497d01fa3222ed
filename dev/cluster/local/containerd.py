"""containerd of the local cluster: its configuration, its images, and the pods' pause image."""

import hashlib
import io
import json
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path

from dev.cluster import archives
from dev.cluster.local.layout import Layout
from dev.cluster.local.processes import Daemon
from dev.tools import command

PAUSE_IMAGE = "localhost/cloudphone/pause:1"
_NAMESPACE = "k8s.io"


def configuration(layout: Layout, *, runc: Path, plugins: Path) -> str:
    """
    Return containerd's `config.toml`.

    Args:
        layout: where its files are.
        runc: the runtime's program.
        plugins: folder of the CNI plugins.
    """
    # JSON strings are valid TOML basic strings.
    text = {
        name: json.dumps(str(value))
        for name, value in {
            "root": layout.containerd_root,
            "state": layout.containerd_state,
            "socket": layout.containerd_socket,
            "pause": PAUSE_IMAGE,
            "runc": runc,
            "runc_state": layout.runc_state,
            "plugins": plugins,
            "cni": layout.cni_config,
        }.items()
    }
    return f"""\
version = 2
root = {text["root"]}
state = {text["state"]}
# `opt` would make /opt/containerd; the other snapshotters are not used.
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = {text["socket"]}

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = {text["pause"]}
# Without CAP_SYS_RESOURCE no score can be lowered, and runc dies on trying.
restrict_oom_score_adj = true
# Its profile would stay in the kernel when the cluster is gone.
disable_apparmor = true
# Network namespaces below our state folder, not in the machine's /run/netns.
netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = {text["runc"]}
Root = {text["runc_state"]}

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = {text["plugins"]}
conf_dir = {text["cni"]}
"""


def daemon(layout: Layout, *, containerd: Path, path: str) -> Daemon:
    """Return containerd; its shim is found beside it."""
    config = layout.config / "containerd.toml"
    return Daemon(
        name="containerd",
        argv=(str(containerd), "--config", str(config)),
        files=(config,),
        path=f"{containerd.parent}:{path}",
    )


def answers(layout: Layout) -> bool:
    """Tell whether containerd listens; its socket's file is also there after a crash."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(layout.containerd_socket))
        except OSError:
            return False
    return True


def pause_archive(program: bytes, machine: str) -> bytes:
    """
    Return the pause image as `docker save` writes images: one layer with one program.

    See the Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format".

    Args:
        program: the static binary.
        machine: its architecture in Go's words, such as amd64.
    """
    layer = _tar({"pause": program}, mode=0o755)
    config = json.dumps(
        {
            "architecture": machine,
            "os": "linux",
            "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
            },
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    return _tar(
        {name: config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()},
        mode=0o644,
    )


def load(layout: Layout, ctr: Path, archive: Path) -> list[str]:
    """
    Import an image archive unless all its images are there already.

    Args:
        layout: whose containerd.
        ctr: containerd's client program.
        archive: a docker-archive or oci-archive file.
    Returns:
        Names of the images that were imported.
    Raises:
        DevError: If the file is no image archive, or the import fails.
    """
    client: list[str | Path] = [
        ctr,
        "--address",
        layout.containerd_socket,
        "--namespace",
        _NAMESPACE,
    ]
    images = archives.images(archive)
    present = archives.parse_listing(command.run([*client, "images", "ls"]))
    missing = [image.name for image in images if not archives.is_present(image, present)]
    if missing:
        command.run([*client, "images", "import", archive])
    return missing


def _tar(files: Mapping[str, bytes], *, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
