"""The view of a machine that is off: its images, read in place with the base's bitmap (P12).

While the view is open, QEMU's image lock prevents a start of the machine, so the content does not change.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ....datapath.disks import StorageDaemon
from ....datapath.encryption import EncryptionKey
from ... import interface
from ..host import domain_xml, qemu_img


@contextlib.contextmanager
def view(
    request: interface.SessionRequest,
    disks: Sequence[domain_xml.Disk],
    bases: Mapping[str, str],
    folder: Path,
    key: EncryptionKey | None = None,
) -> Iterator[interface.ChangeSession]:
    """The disks over NBD from a daemon in `folder`; it ends with the context.

    A bitmap records from its checkpoint until it is removed, so the base's alone has all changes since.
    """
    paths = {disk.key: Path(disk.path) for disk in disks}
    daemon = StorageDaemon(folder)
    try:
        served = [
            _serve(daemon, disk, paths[disk], (bases[disk],) if disk in bases else (), key)
            for disk in request.disks
        ]
        yield interface.ChangeSession(taken_at=datetime.now(UTC), checkpoint=None, disks=tuple(served))
    finally:
        daemon.stop()


def _serve(
    daemon: StorageDaemon, disk: str, path: Path, names: tuple[str, ...], key: EncryptionKey | None
) -> interface.DiskChanges:
    facts = qemu_img.facts(path)
    with qemu_img.translated():
        daemon.serve(
            path, disk, image_format=facts.format, bitmaps=names, key=key if facts.encrypted else None
        )
    return interface.DiskChanges(disk, facts.size_bytes, daemon.nbd_socket, disk, names)
