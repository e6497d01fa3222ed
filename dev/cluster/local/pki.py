"""
The cluster's certificates: one authority, and a key pair for each who speaks.

Names and organizations are those of Kubernetes' RBAC (see its documentation, "PKI certificates
and requirements"). Made by the `openssl` program, because this runs before any virtual
environment exists.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.local import layout
from dev.tools import command

_VALID_DAYS = "365"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says."""

    file: str
    common_name: str
    organization: str | None = None
    server: bool = False
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


CERTIFICATES = (
    Certificate(
        file="etcd",
        common_name="etcd",
        server=True,
        addresses=(layout.NODE_ADDRESS,),
    ),
    Certificate(
        file="kube-apiserver",
        common_name="kube-apiserver",
        server=True,
        addresses=(layout.NODE_ADDRESS, layout.API_SERVICE_ADDRESS, "127.0.0.1"),
        names=(
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ),
    ),
    Certificate(
        file="kubelet",
        common_name=f"system:node:{layout.NODE_NAME}",
        organization="system:nodes",
        server=True,
        addresses=(layout.NODE_ADDRESS,),
        names=(layout.NODE_NAME,),
    ),
    Certificate(
        file="kube-apiserver-client",
        common_name="kube-apiserver-client",
        organization="system:masters",
    ),
    Certificate(file="kube-controller-manager", common_name="system:kube-controller-manager"),
    Certificate(file="kube-scheduler", common_name="system:kube-scheduler"),
    Certificate(file="kube-proxy", common_name="system:kube-proxy"),
    Certificate(file="admin", common_name="cloudphone-admin", organization="system:masters"),
)


def subject(certificate: Certificate) -> str:
    """Return openssl's `-subj`."""
    organization = f"/O={certificate.organization}" if certificate.organization else ""
    return f"{organization}/CN={certificate.common_name}"


def extensions(certificate: Certificate) -> str:
    """Return the X.509 v3 extensions as openssl's configuration text."""
    # Servers here are clients too: the API server of etcd, the kubelet of the API server.
    usage = "serverAuth,clientAuth" if certificate.server else "clientAuth"
    lines = [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        f"extendedKeyUsage={usage}",
    ]
    alternatives = [f"IP:{address}" for address in certificate.addresses]
    alternatives += [f"DNS:{name}" for name in certificate.names]
    if alternatives:
        lines.append("subjectAltName=" + ",".join(alternatives))
    return "\n".join(lines) + "\n"


def ensure(folder: Path) -> None:
    """Make all keys and certificates, unless a whole set is there."""
    if (folder / "complete").is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    _authority(folder, "ca")
    # Nobody holds a certificate of the second: it answers for aggregated API servers, and none is
    # here, but controllers wait for its name in the cluster's configuration.
    _authority(folder, "front-proxy-ca")
    for certificate in CERTIFICATES:
        _issue(folder, certificate)
    _key(folder / "service-account.key")
    command.run(
        ["openssl", "pkey", "-in", "service-account.key", "-pubout", "-out", "service-account.pub"],
        directory=folder,
    )
    (folder / "complete").touch()


def _key(path: Path) -> None:
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    command.run(["openssl", "genpkey", *curve, "-out", path])


def _authority(folder: Path, file: str) -> None:
    # Through a request, because the extensions of `openssl req -x509` are the machine's choice.
    _key(folder / f"{file}.key")
    (folder / f"{file}.ext").write_text(
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
        encoding="utf-8",
    )
    command.run(
        [
            *("openssl", "req", "-new", "-key", f"{file}.key", "-out", f"{file}.csr"),
            *("-subj", f"/CN=cloudphone-{file}"),
        ],
        directory=folder,
    )
    command.run(
        [
            *("openssl", "x509", "-req", "-in", f"{file}.csr", "-out", f"{file}.crt"),
            *("-signkey", f"{file}.key", "-days", _VALID_DAYS, "-extfile", f"{file}.ext"),
        ],
        directory=folder,
    )


def _issue(folder: Path, certificate: Certificate) -> None:
    file = certificate.file
    _key(folder / f"{file}.key")
    (folder / f"{file}.ext").write_text(extensions(certificate), encoding="utf-8")
    command.run(
        [
            *("openssl", "req", "-new", "-key", f"{file}.key", "-out", f"{file}.csr"),
            *("-subj", subject(certificate)),
        ],
        directory=folder,
    )
    command.run(
        [
            *("openssl", "x509", "-req", "-in", f"{file}.csr", "-out", f"{file}.crt"),
            *("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", _VALID_DAYS, "-extfile", f"{file}.ext"),
        ],
        directory=folder,
    )
