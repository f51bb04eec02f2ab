"""Files of a guest in a folder, in which a guest's shell works as its root; its programs are this host's."""

import base64
import shutil
import subprocess
from pathlib import Path

from guestkit import building, programs

ENTER = """
root=$1; shift
for each in usr dev proc sys; do
    mkdir -p "$root/$each"
    mount --rbind "/$each" "$root/$each"
done
for each in bin sbin lib lib64; do [ -e "$root/$each" ] || ln -s "usr/$each" "$root/$each"; done
mount --bind "$root/own" "$root/usr/local/sbin"
exec chroot "$root" "$@"
"""
LOCK = """#!/bin/sh
left=$(($(cat /etc/left) - 1))
echo "$left" > /etc/left
[ "$left" -gt 0 ] || kill -KILL "$PPID"
"""
"""In place of `sync`: the guest dies at a chosen one."""


def package(name):
    """The files of a Debian package, from the cache when they are there."""
    cache = building.DEFAULT_CACHE.resolve()
    with building.alone(cache):
        return building.once(cache / f"programs-{name}", lambda into: _unpack(name, into))


def _unpack(name, into):
    programs.run(["apt-get", "download", "-q", name], cwd=into, within_seconds=300)
    (found,) = into.glob("*.deb")
    programs.run([programs.find("dpkg-deb"), "-x", found, into])
    found.unlink()


class GuestFiles:
    """`root` is the guest's; programs that this host has not are in its folder `own`."""

    def __init__(self, root: Path):
        self.root = root
        for each in ("etc", "own", "run", "tmp", "var/lib"):
            (root / each).mkdir(parents=True)

    def write(self, files):
        for path, content in files.items():
            there = self.root / path.lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content if isinstance(content, bytes) else content.encode())

    def files(self):
        """Contents and modes by path, of all that the guest has in /etc."""
        found = (each for each in (self.root / "etc").rglob("*") if each.is_file())
        return {str(each.relative_to(self.root)): (each.read_bytes(), each.stat().st_mode) for each in found}

    def has(self, program, path):
        """Give the guest a program of its own."""
        shutil.copy(path, self.root / "own" / program)

    def has_own(self, program, lines):
        """Give the guest a script in place of a program."""
        script = self.root / "own" / program
        script.write_text(lines)
        script.chmod(0o755)

    def dies_at(self, nth):
        """The guest dies when it has put its nth part on its disk."""
        self.has_own("sync", LOCK)
        (self.root / "etc/left").write_text(str(nth))

    def lives(self):
        (self.root / "own/sync").unlink()
        (self.root / "etc/left").unlink()

    def run(self, lines, *words):
        """What a shell in the guest says, and how it ended."""
        shell = ["sh", "-euc", lines, "secondsite", *words]
        done = subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-ec", ENTER, "enter", str(self.root), *shell],
            capture_output=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        return done.stdout.decode() + done.stderr.decode(), done.returncode

    def brought(self, files):
        """The folder with what is to be put."""
        folder = self.root / "tmp/brought"
        folder.mkdir(exist_ok=True)
        coded = (map(_coded, (each.path, each.content)) for each in files)
        lines = [f"{each.mode:o} {' '.join(words)}\n" for each, words in zip(files, coded, strict=True)]
        (folder / "all").write_text("".join(lines))
        return "/tmp/brought"


def _coded(text):
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()
