"""Gives QEMU's user access to the folders of the files that it opens: scratch space, sockets, replicas that
machines run on.

libvirt gives QEMU the files themselves (its DAC driver changes their owner), and those below an overlay,
which it leaves QEMU's, but never the folders above them. Home, store and scratch of an appliance are private;
QEMU's group only gets the right to pass through them. Folders above belong to the administrator: there an
error says what is missing."""

import contextlib
import os
import pwd
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ....domain import errors
from . import connection, domain_xml

Owner = tuple[int, int]

ACL = "system.posix_acl_access"
ACL_HEAD, ACL_ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
NAMED_USER, GROUP, NAMED_GROUP, MASK = 0x02, 0x04, 0x08, 0x10
PASS = stat.S_IXOTH


class FolderAccess:
    """Access of QEMU's user to folders. `own` are folders of the appliance; permissions are changed only
    there and below. `further` gives more of them, which come and go."""

    def __init__(self, hypervisor: connection.Hypervisor, own: Sequence[Path]) -> None:
        self._hypervisor = hypervisor
        self._own = own
        self.further: Callable[[], Sequence[Path]] = lambda: ()
        self._owner: Owner | None = None

    @property
    def owner(self) -> Owner | None:
        """User and group of QEMU; None if they are our own (embedded) or unknown."""
        if self._owner is None and self._hypervisor.embedded_root is None:
            ask = self._hypervisor.handle.getCapabilities
            self._owner = _dac_label(connection.call("reading the host's capabilities", ask))
        return self._owner

    @property
    def own(self) -> Sequence[Path]:
        return [folder.absolute() for folder in (*self._own, *self.further())]

    def let_in(self, *folders: Path) -> None:
        """Let QEMU open files in these absolute folders; raises FabricError."""
        own = self.own
        for wanted, each, owner in self._closed(folders):
            if not _is_in(own, each):
                raise errors.FabricError(_told(wanted, each, owner), do=_allowing(each))
            _open(each, owner)

    def take_back(self, files: Iterable[Path]) -> None:
        """Take those of these files back that are in our folders and that QEMU has, as far as that can be
        done; whoever has one open keeps it so. Links are followed: a layer may name any file."""
        owner, ours = self.owner, [folder.resolve() for folder in self.own]
        if owner is None or owner[0] == 0:
            return
        for path in (each.resolve() for each in files):
            if any(path.is_relative_to(folder) for folder in ours):
                with contextlib.suppress(OSError):
                    _take_back(path, owner)

    def kept_out(self, folders: Iterable[Path]) -> dict[str, str]:
        """What keeps QEMU out of these absolute folders and only the administrator may change: sentences,
        each with what to do."""
        own = self.own
        return {
            _told(wanted, each, owner): _allowing(each)
            for wanted, each, owner in self._closed(folders)
            if not _is_in(own, each)
        }

    def _closed(self, folders: Iterable[Path]) -> Iterator[tuple[Path, Path, Owner]]:
        """For folders in which QEMU is to open files, each folder on the way that does not let it pass; a
        missing folder is no obstacle."""
        owner = self.owner
        if owner is None or owner[0] == 0:
            return
        groups = _groups(owner)
        for wanted in dict.fromkeys(folders):
            for each in (wanted, *wanted.parents):
                if each.exists() and not _may_pass(each, owner[0], groups):
                    yield wanted, each, owner


def _is_in(own: Iterable[Path], folder: Path) -> bool:
    return any(each in (folder, *folder.parents) for each in own)


def _open(folder: Path, owner: Owner) -> None:
    try:
        os.chown(folder, -1, owner[1])
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~0o070 | stat.S_IXGRP)
    except OSError as error:
        raise errors.FabricError(
            f"QEMU's group ({owner[1]}) could not be let into {folder}: {error}.",
            do="Run the appliance as root.",
        ) from error


def _take_back(path: Path, owner: Owner) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and (found.st_uid, found.st_gid) == owner:
            os.fchown(descriptor, os.geteuid(), os.getegid())
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~0o022)  # QEMU may have allowed itself more
    finally:
        os.close(descriptor)


def _told(wanted: Path, closed: Path, owner: Owner) -> str:
    return f"QEMU's user ({owner[0]}) may not enter {closed}, so it cannot open files in {wanted}."


def _allowing(folder: Path) -> str:
    return f"Let it: 'chmod o+x {folder}'; or keep what lies there where it may enter."


def _dac_label(capabilities: str) -> Owner | None:
    for model in domain_xml.parse(capabilities).iterfind("host/secmodel"):
        user, _, group = (model.findtext("baselabel[@type='qemu']") or "").partition(":")
        if model.findtext("model") == "dac" and user and group:
            return int(user), int(group)
    return None


def _groups(owner: Owner) -> frozenset[int]:
    """The groups with which libvirt starts QEMU, including the further groups of its user."""
    try:
        name = pwd.getpwuid(owner[0]).pw_name
    except KeyError:
        return frozenset({owner[1]})
    return frozenset(os.getgrouplist(name, owner[1]))


def _may_pass(folder: Path, user: int, groups: frozenset[int]) -> bool:
    """Whether a user of these groups may pass through a folder, as the kernel decides it."""
    found = folder.stat()
    if found.st_uid == user:
        return bool(found.st_mode & stat.S_IXUSR)
    named = _named(folder, found.st_gid)
    if (allowed := named.get((NAMED_USER, user))) is not None:
        return bool(allowed & PASS)
    of_groups = [allowed for (kind, who), allowed in named.items() if kind == NAMED_GROUP and who in groups]
    if not named and found.st_gid in groups:
        of_groups = [found.st_mode >> 3]
    return any(allowed & PASS for allowed in of_groups or [found.st_mode])


def _named(folder: Path, group: int) -> dict[tuple[int, int], int]:
    """The permissions of named users and groups in a folder's access control list; empty without one.
    virt-manager makes such entries for QEMU's user, for a folder in somebody's home."""
    try:
        found = os.getxattr(folder, ACL)
    except OSError:
        return {}
    entries = list(ACL_ENTRY.iter_unpack(found[ACL_HEAD.size :]))
    mask = next((allowed for kind, allowed, _ in entries if kind == MASK), 0o7)
    named = {
        (kind, who): allowed & mask for kind, allowed, who in entries if kind in (NAMED_USER, NAMED_GROUP)
    }
    owning = next((allowed & mask for kind, allowed, _ in entries if kind == GROUP), 0)
    return named | {(NAMED_GROUP, group): owning | named.get((NAMED_GROUP, group), 0)}
