"""
Builds the container images of this repository on any machine.

Run as `python -m dev.images build`. It needs a Docker engine that answers, or Linux as root with
buildah and debootstrap. It knows no cluster: `dev.cluster` imports the archives that it makes.
"""
