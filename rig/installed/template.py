"""What an installed host has that this machine's root has not, made once and kept: by deploy/install, as its
guide says.

First Debian's packages with the program of some release, made anew when this machine's packages change;
then the program as it is now, if that is another one, installed again in the way of an upgrade."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from rig.installed.host import Host
from rig.processes import DidNotStart
from secondsite.ground.lockfile import LockFile

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".cache" / "installed"
PROGRAM = ("src", "deploy", "requirements", "pyproject.toml", "README.md", "LICENSE")
COPY = "/root/secondsite"
INSTALL = f"{COPY}/deploy/install vault appliance"
INSTALL_SECONDS = 900
STRANGE = ("de_DE.UTF-8", "UTF-8")
"""A language that libvirt's messages are translated to: nothing of ours may go by words."""
MOST_KEPT = 4
DEBIAN = f"""
set -eu
export DEBIAN_FRONTEND=noninteractive
rm -f /usr/sbin/policy-rc.d
# Debian's package makes it: that of 12 still to be installed, that of 13 has been since './dev setup'
if ! grep -qs libvirt-qemu /var/lib/dpkg/info/libvirt-*.postinst; then
    ! getent passwd libvirt-qemu || userdel libvirt-qemu
    ! getent group libvirt-qemu || groupdel libvirt-qemu
fi
dpkg --configure -a
apt-get -q -y update
apt-get -q -y install --no-install-recommends locales libvirt-l10n libvirt-daemon-system ovmf swtpm swtpm-tools
echo '{" ".join(STRANGE)}' >> /etc/locale.gen
locale-gen
"""  # noqa: E501


def installed() -> Path:
    """What hosts are made from."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with _alone():
        digest = _digest_of_machine()
        is_new = not (KEPT / f"debian-{digest}").exists()
        debian = _made("debian", digest, None, (DEBIAN, INSTALL))
        return _made("program", _digest_of_program(debian.name), debian, () if is_new else (INSTALL,))


def _made(kind: str, digest: str, template: Path | None, acts: Sequence[str]) -> Path:
    kept = KEPT / f"{kind}-{digest}"
    if not kept.exists():
        making = KEPT / f"{kind}.making"
        shutil.rmtree(making, ignore_errors=True)
        host = Host(f"template-{_of_this_checkout()}", making, template)
        _give_copy(host)
        host.power_on()
        try:
            for act in acts:
                host.must(
                    "sh",
                    "-euc",
                    f"export {_of_this_machine()} LC_ALL=C.UTF-8; {act}",
                    within_seconds=INSTALL_SECONDS,
                )
        finally:
            host.cut_power()
        for gone in (COPY, "/var/log/journal", "/var/cache/apt/archives"):
            shutil.rmtree(host.path(gone), ignore_errors=True)
        host.upper.rename(kept)
        shutil.rmtree(making, ignore_errors=True)
        _forget_old(kind)
    os.utime(kept)
    return kept


def _of_this_checkout() -> str:
    """Two checkouts may make their templates at once: hosts of one name have one control group."""
    return hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]


def _give_copy(host: Host) -> None:
    for name in PROGRAM:
        source, target = ROOT / name, host.path(f"{COPY}/{name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    host.write("/etc/environment", "")
    host.write("/etc/default/locale", "LANG=C.UTF-8\n")


def _of_this_machine() -> str:
    """How this machine reaches its package indexes, as words for a shell."""
    named = {
        name: value
        for name, value in os.environ.items()
        if name.lower().startswith(("pip_", "http", "ssl_", "no_proxy"))
    }
    return " ".join(f"{name}='{value}'" for name, value in {**named, "RIG": "installed"}.items())


def _forget_old(kind: str) -> None:
    kept = sorted(KEPT.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-MOST_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _digest_of_machine() -> str:
    """Whatever release it begins with: the program as it is now is installed over it."""
    return _digest([Path("/var/lib/dpkg/status")], DEBIAN)


def _digest_of_program(below: str) -> str:
    files = [
        each
        for name in PROGRAM
        for each in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
    ]
    return _digest(
        sorted(each for each in files if each.is_file() and "__pycache__" not in each.parts), below
    )


def _digest(files: Sequence[Path], more: str) -> str:
    found = hashlib.sha256(more.encode())
    for file in files:
        found.update(f"{file}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Others wait until it is there."""
    lock = LockFile(KEPT / "lock")
    if not lock.take(within_seconds=3 * INSTALL_SECONDS):
        raise DidNotStart(f"another process has been making what hosts are made from: {lock.path} is locked")
    try:
        yield
    finally:
        lock.release()
