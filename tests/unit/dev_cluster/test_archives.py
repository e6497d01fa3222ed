"""An image that a node has already is not loaded again."""

from dev.cluster.archives import ArchivedImage, from_docker, from_oci, is_present, parse_listing

# `ctr -n k8s.io images ls`, columns as containerd 1.6 prints them.
LISTING = parse_listing(
    """\
REF                            TYPE                                        DIGEST      SIZE      PLATFORMS   LABELS
localhost/cloudphone/phone:dev application/vnd.docker.distribution.manifest.v2+json sha256:m1 1.0 MiB linux/amd64 -
sha256:c1                      application/vnd.docker.distribution.manifest.v2+json sha256:m1 1.0 MiB linux/amd64 -
sha256:c0                      application/vnd.docker.distribution.manifest.v2+json sha256:m0 1.0 MiB linux/amd64 -
"""
)
PHONE = "localhost/cloudphone/phone:dev"


def test_a_docker_archive_names_images_by_their_configuration() -> None:
    manifest: list[dict[str, object]] = [
        {"Config": "c1.json", "RepoTags": [PHONE], "Layers": []},
        {"Config": "blobs/sha256/c2", "RepoTags": ["a:1", "a:2"], "Layers": []},
        {"Config": "c3.json", "RepoTags": None, "Layers": []},
    ]
    assert from_docker(manifest) == [
        ArchivedImage(name=PHONE, config_digest="sha256:c1"),
        ArchivedImage(name="a:1", config_digest="sha256:c2"),
        ArchivedImage(name="a:2", config_digest="sha256:c2"),
    ]


def test_an_oci_archive_names_images_by_annotation() -> None:
    index = {
        "manifests": [
            {
                "digest": "sha256:m1",
                "annotations": {"org.opencontainers.image.ref.name": PHONE},
            },
            {"digest": "sha256:m2"},
        ]
    }
    assert from_oci(index) == [ArchivedImage(name=PHONE, manifest_digest="sha256:m1")]


def test_the_same_image_under_its_name_is_present() -> None:
    assert is_present(ArchivedImage(name=PHONE, config_digest="sha256:c1"), LISTING)
    assert is_present(ArchivedImage(name=PHONE, manifest_digest="sha256:m1"), LISTING)


def test_a_newer_build_of_the_name_is_not_present() -> None:
    assert not is_present(ArchivedImage(name=PHONE, config_digest="sha256:c9"), LISTING)
    assert not is_present(ArchivedImage(name=PHONE, manifest_digest="sha256:m9"), LISTING)


def test_an_older_build_that_the_node_still_has_is_not_present_under_the_name() -> None:
    assert not is_present(ArchivedImage(name=PHONE, config_digest="sha256:c0"), LISTING)


def test_an_unknown_name_is_not_present() -> None:
    assert not is_present(ArchivedImage(name="other:1", config_digest="sha256:c1"), LISTING)
