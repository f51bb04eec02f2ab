"""Give QEMU's user access to the folders of files that it opens: scratch space, sockets, replicas that machines run
on.

libvirt gives QEMU the files themselves (its DAC driver changes their owner), but never the folders above them.
Home, store and scratch of an appliance are private; QEMU's group only gets the right to pass through them. Folders
above belong to the administrator: there an error says what is missing."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ....domain import errors
from . import connection, domain_xml

Owner = tuple[int, int]


class FolderAccess:
    """`own` are folders of the appliance; permissions are changed only there and below."""

    def __init__(self, hypervisor: connection.Hypervisor, own: Sequence[Path]) -> None:
        self._hypervisor = hypervisor
        self._own = own
        self._owner: Owner | None = None

    @property
    def owner(self) -> Owner | None:
        """User and group of QEMU; None if they are our own (embedded) or unknown."""
        if self._owner is None and self._hypervisor.embedded_root is None:
            ask = self._hypervisor.handle.getCapabilities
            self._owner = _dac_label(connection.call("reading the host's capabilities", ask))
        return self._owner

    def let_in(self, *folders: Path) -> None:
        """Let QEMU open files in these absolute folders; raises FabricError."""
        owner = self.owner
        if owner is None or owner[0] == 0:
            return
        for folder in folders:
            for each in (folder, *folder.parents):
                if not _may_pass(each.stat(), owner):
                    self._open(each, folder, owner)

    def _open(self, each: Path, wanted: Path, owner: Owner) -> None:
        if not any(folder in (each, *each.parents) for folder in self._own):
            raise errors.FabricError(
                f"QEMU's user ({owner[0]}) may not enter {each}, so it cannot open files in {wanted}.",
                do=f"Let it: 'chmod o+x {each}'; or keep store and scratch where it may enter.",
            )
        try:
            os.chown(each, -1, owner[1])
            each.chmod(stat.S_IMODE(each.stat().st_mode) & ~0o070 | stat.S_IXGRP)
        except OSError as error:
            raise errors.FabricError(
                f"QEMU's group ({owner[1]}) could not be let into {each}: {error}.",
                do="Run the appliance as root.",
            ) from error


def _dac_label(capabilities: str) -> Owner | None:
    for model in domain_xml.parse(capabilities).iterfind("host/secmodel"):
        user, _, group = (model.findtext("baselabel[@type='qemu']") or "").partition(":")
        if model.findtext("model") == "dac" and user and group:
            return int(user), int(group)
    return None


def _may_pass(found: os.stat_result, owner: Owner) -> bool:
    if found.st_uid == owner[0]:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == owner[1] else stat.S_IXOTH))
