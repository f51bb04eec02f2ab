"""Whether other hosts reach a disk's file, so that its machine may be migrated to them."""

import os
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")
KINDS = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.lizardfs",
        "fuse.moosefs", "fuse.sshfs", "gfs2", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3", "virtiofs",
    }
)  # fmt: skip


def is_shared(path: Path) -> bool:
    """Whether other hosts may have the file system of this file mounted, too; False if that is not known."""
    try:
        device = path.stat().st_dev
        table = TABLE.read_text(errors="replace")
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    return not KINDS.isdisjoint(_kinds(table, number))


def _kinds(table: str, number: str) -> set[str]:
    """The kinds of file systems that are mounted from a device; proc(5) has the fields."""
    found = set()
    for line in table.splitlines():
        mount, _, source = line.partition(" - ")
        fields = mount.split()
        if len(fields) > 2 and fields[2] == number and source:
            found.add(source.split()[0])
    return found
