"""The view of a machine that is off: its images read where they lie, with the base's bitmap (P12).

While the view is open QEMU's image lock keeps the machine from being started, so the content stands still.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ...datapath import errors as datapath_errors
from ...datapath.storage_daemon import StorageDaemon
from ...domain import errors
from .. import interface
from . import domain_xml, qemu_img


@contextlib.contextmanager
def view(
    request: interface.SessionRequest,
    disks: Sequence[domain_xml.Disk],
    bases: Mapping[str, str],
    folder: Path,
) -> Iterator[interface.ChangeSession]:
    """The disks over NBD from a daemon in `folder`; it ends with the context.

    A bitmap counts on from its checkpoint until it is removed, so the base's alone holds all that changed since.
    """
    paths = {disk.key: Path(disk.path) for disk in disks}
    daemon = StorageDaemon(folder)
    try:
        served = [
            _serve(daemon, key, paths[key], (bases[key],) if key in bases else ()) for key in request.disks
        ]
        yield interface.ChangeSession(taken_at=datetime.now(UTC), checkpoint=None, disks=tuple(served))
    finally:
        daemon.stop()


def _serve(daemon: StorageDaemon, key: str, path: Path, names: tuple[str, ...]) -> interface.DiskChanges:
    facts = qemu_img.facts(path)
    try:
        daemon.serve(path, key, image_format=facts.format, bitmaps=names)
    except datapath_errors.DatapathError as error:
        raise errors.FabricError(error.message, do=error.do) from error
    return interface.DiskChanges(key, facts.size_bytes, daemon.nbd_socket, key, names)
