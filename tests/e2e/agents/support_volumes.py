"""What a point of the server holds, looked at without a device mapper: its volumes are cut out of its disks
as `guestkit/server.sh` lays them out."""

import contextlib
import subprocess
import tempfile
from pathlib import Path

from guestkit import systems
from rig import images
from secondsite.ground.units import KiB, MiB

CHUNK = 64 * KiB
GROUP_AT = systems.ROOT_AT_MIB * MiB + MiB, MiB
"""Where the extents begin on each disk, behind what LVM notes there."""
DATA_BYTES = 640 * MiB
ROOT_AT, ROOT_BYTES = GROUP_AT[0] + DATA_BYTES // 2, 671 * 4 * MiB
SECONDS = 600
APART = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
DATABASE = r"""
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs run "$1/run"
exec chroot "$1" sh -ec '
install -d -o postgres -g postgres /run/postgresql
pg_ctlcluster 15 main start -o "-c listen_addresses= " >&2
runuser -u postgres -- pg_dumpall >/dev/null
runuser -u postgres -- psql -qAtF" " -c "select count(*), min(id), max(id) from rows"
pg_ctlcluster 15 main stop >&2
'
"""


class Volumes:
    """Copies of the two volumes of a point, in files of their own."""

    def __init__(self, folder, disks):
        folder = Path(folder)
        self.root, self.data, self.mount = folder / "root", folder / "data", folder / "mount"
        self.mount.mkdir()
        raws = []
        for number, image in enumerate(disks):
            raws.append(folder / f"disk{number}")
            images.qemu_img("convert", "-U", "-O", "raw", image, raws[-1], within_seconds=SECONDS)
        self.root.symlink_to(raws[0])
        _joined(raws, self.data)

    def checked(self):
        """What the checkers say of both, as they lie there and after the kernel has mounted them once, as a
        start does; empty if all is whole."""
        with _device(self.root, ROOT_AT, ROOT_BYTES) as root, _device(self.data) as data:
            before = _said("e2fsck", "-fn", root)
            with self._mounted(root, data):
                pass
            return before + _said("e2fsck", "-fn", root) + _said("xfs_repair", "-n", data)

    def rows(self):
        """How many rows PostgreSQL finds when it starts from them, the first, and the last; all it has was
        read."""
        with _device(self.root, ROOT_AT, ROOT_BYTES) as root, _device(self.data) as data:
            with self._mounted(root, data):
                words = [
                    "unshare",
                    "--mount",
                    "--net",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "sh",
                    "-ec",
                    DATABASE,
                ]
                done = subprocess.run(
                    [*words, "sh", self.mount], capture_output=True, text=True, check=False, timeout=SECONDS
                )
                assert done.returncode == 0, done.stderr
                return tuple(map(int, done.stdout.split()))

    @contextlib.contextmanager
    def _mounted(self, root, data):
        inner = self.mount / "var/lib/postgresql"
        subprocess.run(["mount", root, self.mount], check=True)
        try:
            subprocess.run(["mount", data, inner], check=True)
            try:
                yield
            finally:
                subprocess.run(["umount", inner], check=True)
        finally:
            subprocess.run(["umount", self.mount], check=True)


@contextlib.contextmanager
def volumes(disks):
    """Of a point's images; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp") as folder:
        yield Volumes(folder, disks)


def _joined(raws, into):
    """The volume whose chunks lie on both disks in turn."""
    zeros = bytes(CHUNK)
    with raws[0].open("rb") as first, raws[1].open("rb") as second, into.open("wb") as out:
        out.truncate(DATA_BYTES)
        for disk, at in zip((first, second), GROUP_AT, strict=True):
            disk.seek(at)
        for at in range(0, DATA_BYTES, 2 * CHUNK):
            for number, disk in enumerate((first, second)):
                if (chunk := disk.read(CHUNK)) != zeros:
                    out.seek(at + number * CHUNK)
                    out.write(chunk)


@contextlib.contextmanager
def _device(path, at=0, size=0):
    limit = ["--sizelimit", str(size)] if size else []
    words = ["losetup", "-f", "--show", "-o", str(at), *limit, str(path)]
    device = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def _said(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS)
    return f"{' '.join(words[:2])}: {done.stdout}{done.stderr}" if done.returncode else ""
