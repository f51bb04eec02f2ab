"""QEMU's user may pass through the folders of what it opens: libvirt gives it the files, never the folders above them.

What an appliance keeps is private. So its folders are opened for QEMU's group, just to pass; other folders are their owner's, and it
is said which one keeps QEMU out."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ..problems import Problem

HOME = "appliance.json"
"""In the folder of an appliance's own, in which a store may lie."""

User = tuple[int, int]


def let_in(user: User | None, store: Path, folders: Iterable[Path]) -> None:
    """Let QEMU, as this user and group, open files in these folders. Raises Problem."""
    if user is None or user[0] == 0 or os.geteuid() != 0:
        return
    for wanted in dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders):
        for each in reversed((wanted, *wanted.parents)):
            if each.is_dir() and not _passes(each, user):
                _open(each, user, store, wanted)


def _open(folder: Path, user: User, store: Path, wanted: Path) -> None:
    if store.resolve() not in (folder.resolve(), *folder.resolve().parents) and not (folder / HOME).exists():
        raise Problem(
            f"QEMU's user ({user[0]}) may not enter {folder}, so it cannot open files in {wanted}.",
            f"Let it: 'chmod o+x {folder}'; or use plain QEMU: --qemu.",
        )
    os.chown(folder, -1, user[1])
    folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~0o070 | stat.S_IXGRP)


def _passes(folder: Path, user: User) -> bool:
    """As the kernel decides it, access lists and all."""
    uid, gid = user
    asked = subprocess.run(
        ["test", "-x", str(folder)], user=uid, group=gid, extra_groups=_groups(user), timeout=10, check=False
    )
    return asked.returncode == 0


def _groups(user: User) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(user[0]).pw_name, user[1])
    except KeyError:
        return [user[1]]
