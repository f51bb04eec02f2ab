"""The replica: what the target holds of one machine, as files that plain QEMU boots.

Per disk a chain of qcow2 files, `base <- layer <- layer <- head`. Cycles are written to the head; sealing
a recovery point makes the head a read-only layer under a new one; dropping a point merges its layer with
its child; a machine runs on an overlay over a point's layer. Each verb is a function in a file of `verbs`,
and described there; this class has them all. One object per replica and process; thread-safe."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ...ground import lockfile
from ..cycles import FirmwareFile
from ..digests import scan
from ..disks import StorageDaemon
from ..encryption import EncryptionKey, encrypted_file, file_key
from ..errors import ImageProblem
from . import verbs
from .core import Reach, ReplicaCore
from .record import record as replica_state
from .record.paths import ReplicaFiles
from .verbs.create import EMPTY, BaseImage, ReplicaDisk, check_same, make, nowhere


class Replica(ReplicaCore):
    """One machine's replica. Every method may raise StorageDaemonGone (repeat it), StoreFull or ImageProblem.
    The attributes of its core (state, files, journal and keys) are only to be read by others."""

    @classmethod
    def create(
        cls, folder: Path, daemon: StorageDaemon, machine_id: str, disks: Sequence[ReplicaDisk], epoch: int,
        base: Mapping[str, BaseImage] = EMPTY, reach: Reach = nowhere, key: EncryptionKey | None = None,
    ) -> Replica:  # fmt: skip
        """Create a replica in `folder`; one that exists for this machine and epoch is opened instead.

        Disks named in `base` start from that image (of a machine that is off), others from zeros. With
        `key` all data is encrypted; such a replica has no `base`. Raises ReplicaInUse for another machine
        or epoch."""
        files = ReplicaFiles(folder.absolute())
        if not files.record.exists():
            make(files, machine_id, disks, epoch, base, reach, key)
        replica = cls.open(folder, daemon, reach, key)
        check_same(replica.state, machine_id, epoch)
        return replica

    @classmethod
    def open(
        cls, folder: Path, daemon: StorageDaemon, reach: Reach = nowhere, key: EncryptionKey | None = None,
        machine_id: str | None = None,
    ) -> Replica:  # fmt: skip
        """Open the replica in `folder`; its first use finishes what a crash interrupted. `key` is the
        appliance's, if any. A replica that lacks its key can still be looked at and removed. Raises
        AnotherReplica if it is not that of `machine_id`, where that is given."""
        return cls(ReplicaFiles(folder.absolute()), daemon, reach, key, machine_id)

    apply = verbs.apply.apply
    retire = verbs.apply.retire
    takes_parts = verbs.apply.takes_parts
    abandon = verbs.apply.abandon
    region = verbs.apply.region
    held = verbs.apply.held
    pages = verbs.apply.pages
    seed = verbs.seed.write
    seal = verbs.seal.seal

    points = verbs.stats.points
    point = verbs.stats.point
    is_worthless = verbs.stats.is_worthless
    looks = verbs.stats.looks
    stats = verbs.stats.stats
    drop = verbs.prune.drop
    hold = verbs.holds.hold
    release = verbs.holds.release
    verify = verbs.verify.verify
    copy_out = verbs.copy_out.copy_out
    view = verbs.view.view
    verify_cycle = verbs.read_journal.verify

    open_run = verbs.runs.open_run
    stand_in = verbs.stand_ins.make
    rolling = verbs.runs.rolling
    firmware = verbs.runs.firmware
    require_unused = verbs.runs.require_unused
    close_run = verbs.runs.close_run
    settle = verbs.runs.settle
    rebase_from_run = verbs.runs.rebase_from_run

    add_disk = verbs.disks.add
    forget_disk = verbs.disks.forget
    changed_bases = verbs.disks.changed_bases
    altered_bases = verbs.disks.altered_bases
    accept_bases = verbs.disks.accept_bases
    require_bases = verbs.disks.require_bases
    bases_made_anew = verbs.disks.bases_made_anew
    renew_bases = verbs.disks.renew_bases
    written_below = verbs.disks.written_below
    wrote_below = verbs.disks.wrote_below
    check_key_change = verbs.change_key.check
    admit_key = verbs.change_key.admit
    shed_key = verbs.change_key.shed
    remove = verbs.remove.remove
    move = verbs.remove.move
    share = verbs.remove.share

    @property
    def point_ids(self) -> list[str]:
        """Ids of all recovery points, oldest first, also of those whose manifest is damaged."""
        return [layer.point_id for layer in self.state.layers if layer.point_id is not None]

    def lacks_firmware(self, files: Iterable[FirmwareFile]) -> set[str]:
        """The digests of those files that are not stored here whole; raises KeyMissing, KeyWrong."""
        return {file.sha256 for file in files if self.firmware_store.lacks(file)}

    def build_digests(self, cancelled: scan.Asked = scan.never, told: scan.Told = scan.nobody) -> None:
        """Make missing digests (after `create` from images, or damage); takes as long as reading the
        disks."""
        with self.changing():
            self.maps(cancelled, told)

    def forget_digests(self) -> None:
        """Drop the digests of the head because its content is in doubt; they are made anew by reading
        before their next use."""
        with self.changing():
            self.drop_maps()
            self.lost_head = False

    def keep_short(self) -> bool:
        """Make merged layers beside the others, to keep chains short; True if there is more to do. Harmless
        when repeated."""
        with self.changing(), self.keeping_layers():
            return verbs.shorten_chains.keep_short(self)

    def written_by_qemu(self) -> Iterator[Path]:
        """The files of its disks and runs that any program of QEMU's has open for writing, on whichever host
        that sees this file system's locks; also this appliance's own."""
        for folder in (*map(self.files.disk, self.state.keys), *self.files.runs.glob("failover")):
            yield from (path for path in sorted(folder.glob("*.qcow2")) if lockfile.is_written_by_qemu(path))

    def let_go(self, within_seconds: float) -> None:
        """Close, so that another program may write to the layers; waits for readers, else raises
        ReplicaInUse."""
        self.until_unread(within_seconds)
        self.close()


# Decrypt a file of a replica for a person who has only the replica's folder and the customer's key.


def decrypt(source: Path, target: Path, key: EncryptionKey) -> None:
    """Write the content of `source` to a new file of mode 0600. Raises ImageProblem for a file that lies
    in no replica, KeyWrong, CycleDamaged, OSError."""
    record = next((folder / "replica.json" for folder in source.parents if _holds_record(folder)), None)
    if record is None:
        raise ImageProblem(
            f"{source} lies in no replica, so its key is unknown.",
            do="Name the file where it is, in the folder with the replica's replica.json.",
        )
    state = replica_state.load(record)
    about = f"The replica of {state.machine_id}"
    of_files = file_key.unwrap(state.data_keys, key, about) if state.data_keys else key
    with (
        encrypted_file.content(source, of_files) as file,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written,
    ):
        while piece := file.read(encrypted_file.CHUNK_BYTES):
            written.write(piece)


def _holds_record(folder: Path) -> bool:
    return (folder / "replica.json").is_file()
