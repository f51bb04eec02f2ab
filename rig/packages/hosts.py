"""What hosts are made from that packages are tried on, made once and kept in `.cache/`: a bare root with all
Debian packages that ours ask for, so that an installation needs no network."""

import hashlib
import os
import subprocess
from collections.abc import Callable

from rig.packages.building import GIT
from rig.packages.layers import Layer, base, forget_old
from rig.release.root import TOP

MOST_KEPT = 2
MAKE_SECONDS = 1500
LISTS = "deploy/secondsite-appliance.packages"
ALSO = ("systemd", "dbus", "python3-venv", "man-db", "bash-completion", "zsh", "fish", "iproute2", "apparmor")
DEPENDENCIES = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -q -y update
apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends "$@"
rm -rf /usr/sbin/policy-rc.d /var/cache/apt/archives/*.deb
printf 'LANG=C.UTF-8\\n' > /etc/default/locale
: >> /etc/environment
"""
CHECKOUT = "/root/secondsite"
RELEASED = "0.2.0"


def ready(version: str) -> Layer:
    """With all that our packages ask for. Raises as `Layer.must`, and Root.held."""
    names = (*ALSO, *_listed(LISTS), *_listed(f"{LISTS}-{version}"))

    def make(layer: Layer) -> None:
        layer.must("sh", "-euc", DEPENDENCIES, "sh", *names, within_seconds=MAKE_SECONDS)

    return _kept(version, "ready", DEPENDENCIES + " ".join(names), None, make)


def with_release(version: str, release: str = RELEASED) -> Layer:
    """With vault and appliance of a release as its deploy/install puts them there. Raises as `ready`, and
    LookupError where the history of this checkout does not have it."""
    commit = _commit_of(release)

    def make(layer: Layer) -> None:
        archive = subprocess.run(
            [*GIT, "archive", commit], capture_output=True, check=True, timeout=120
        ).stdout
        goal = layer.path(CHECKOUT)
        goal.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", goal], input=archive, check=True, timeout=120)
        layer.must(f"{CHECKOUT}/deploy/install", "vault", "appliance", within_seconds=MAKE_SECONDS)

    below = ready(version)
    return _kept(version, f"checkout-{release}", f"{below.folder} {commit}", below, make)


def _kept(version: str, kind: str, of: str, below: Layer | None, make: Callable[[Layer], None]) -> Layer:
    root = base(version)
    digest = hashlib.sha256(of.encode()).hexdigest()[:12]
    folder, making = root.home / f"{kind}-{digest}", root.home / f"{kind}.making"
    with root.held():
        if not folder.exists():
            subprocess.run(["rm", "-rf", "--one-file-system", making], check=True, timeout=300)
            make(Layer(below or root, making))
            making.rename(folder)
            forget_old(list(root.home.glob(f"{kind}-*")), MOST_KEPT)
    os.utime(folder)
    return Layer(below or root, folder)


def _listed(name: str) -> list[str]:
    path = TOP / name
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def _commit_of(release: str) -> str:
    """The one that wrote the release's section of the changelog."""
    words = [*GIT, "log", "--format=%h", f"-S## {release} (", "--", "CHANGELOG.md"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout.split()
    if not said:
        raise LookupError(f"release {release} is not in the history of this checkout")
    return said[-1]
