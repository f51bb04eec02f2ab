"""Debian's kernels of several releases, each with its modules: for guests whose files are another one's.

cache/kernel-RELEASE/   vmlinuz, and modules/ as depmod left it
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from guestkit import building, debian, programs
from guestkit.errors import BuildFailed

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
RELEASES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}
FETCH_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Kernel:
    """What it is called by itself, its image, and the folder that holds lib/modules/NAME."""

    name: str
    image: Path
    root: Path

    def needed(self, module: str) -> list[Path]:
        """The module's file, behind those that it needs; nothing if it is built in."""
        told = programs.run(["modprobe", "-d", self.root, "-S", self.name, "--ignore-install", "-D", module])
        return [Path(each) for each in re.findall(r"^insmod (\S+)", told, re.MULTILINE)]


def kernel(line: str, cache: Path | None = None) -> Kernel:
    """One of RELEASES, from the cache when it is there. Raises BuildFailed."""
    cache = (cache or building.DEFAULT_CACHE).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    release, made = RELEASES[line], cache / f"kernel-{RELEASES[line]}"
    if not made.exists():  # else nobody waits for another one in the making
        with building.alone(cache):
            building.once(made, lambda into: _extract(release, into))
    (modules,) = (made / "lib/modules").iterdir()
    return Kernel(modules.name, made / "vmlinuz", made)


def _extract(release: str, into: Path) -> None:
    apt = _apt(release, into / "apt")
    programs.run(["apt-get", *apt, "-q", "update"], within_seconds=FETCH_SECONDS)
    depends = programs.run(["apt-cache", *apt, "depends", "linux-image-amd64"])
    named = re.search(r"Depends: (linux-image-\d\S+)", depends)
    if named is None:
        raise BuildFailed(f"the archive names no kernel of {release}")
    programs.run(["apt-get", *apt, "-q", "download", named[1]], cwd=into, within_seconds=FETCH_SECONDS)
    (package,) = into.glob("*.deb")
    whole = into / "whole"
    programs.run(["dpkg-deb", "-x", package, whole], within_seconds=FETCH_SECONDS)
    next((whole / "boot").glob("vmlinuz-*")).rename(into / "vmlinuz")
    modules = next(each for each in (whole / "lib/modules", whole / "usr/lib/modules") if each.exists())
    (into / "lib").mkdir()
    modules.rename(into / "lib/modules")
    (name,) = (into / "lib/modules").iterdir()
    programs.run(["depmod", "-b", into, name.name])
    package.unlink()
    shutil.rmtree(whole)
    shutil.rmtree(into / "apt")


def _apt(release: str, folder: Path) -> list[str]:
    """Options of apt that let it know this release alone."""
    for each in ("lists/partial", "cache/archives/partial"):
        (folder / each).mkdir(parents=True)
    (folder / "list").write_text(f"deb [signed-by={KEYRING}] {debian.archive()} {release} main\n")
    told = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::SourceList": folder / "list",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "root",
    }
    return [word for key, value in told.items() for word in ("-o", f"{key}={value}")]


def installed(cache: Path | None = None) -> Path:
    """A folder with boot/vmlinuz-NAME and lib/modules/NAME as the newest kernel of this release has them on a
    host, from the cache when it is there. Raises BuildFailed."""
    cache = (cache or building.DEFAULT_CACHE).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with building.alone(cache):
        return building.once(cache / "installed-kernel", _install)


def _install(into: Path) -> None:
    named = debian.newest_kernel()
    programs.run(["apt-get", "download", "-q", named], cwd=into, within_seconds=FETCH_SECONDS)
    (package,) = into.glob("*.deb")
    programs.run(["dpkg-deb", "-x", package, into], within_seconds=FETCH_SECONDS)
    package.unlink()
    for modules in (*into.glob("lib/modules/*"), *into.glob("usr/lib/modules/*")):
        base = into if modules.is_relative_to(into / "lib") else into / "usr"
        programs.run(["depmod", "-b", base, modules.name])
