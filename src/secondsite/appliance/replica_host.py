"""The replicas of this site: made, found, removed. All their disks are written through one storage daemon."""

import contextlib
import shutil
import threading
from pathlib import Path

import structlog

from ..datapath import inbox, replica_removal
from ..datapath.encryption_key import EncryptionKey
from ..datapath.replica import Replica
from ..datapath.replica_making import BaseImage, ReplicaDisk
from ..datapath.storage_daemon import StorageDaemon
from ..domain import errors
from ..jobs import seams
from ..wire.machines import MachineDefinition
from ..wire.replication import Base, ReplicaSetup
from . import withdrawn
from .config import ApplianceConfig
from .custody import Custody
from .hosted import Hosted
from .room import Room
from .state import State

log = structlog.get_logger(__name__)


class ReplicaHost:
    """All replicas by machine id. Invariant: a replica that is listed has its files."""

    def __init__(self, config: ApplianceConfig, state: State, custody: Custody) -> None:
        self.custody = custody
        self.folder = config.store / "replicas"
        self.daemon = StorageDaemon(config.store / "daemon")
        self.journal_budget_bytes = config.journal_budget_bytes
        self.room = Room(self.folder, self.all)
        self._state = state
        self._lock = threading.Lock()
        self._hosted: dict[str, Hosted] = {}

    def start(self) -> None:
        """Open what is recorded; half-received cycles are removed, for nothing is being received now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.daemon.folder.exists():
            # a daemon that outlived a killed appliance still has the disks open; starting ends it
            self.daemon.start()
        replica_removal.sweep(self.folder)
        for setup_json, accepting in self._state.replicas().values():
            setup = ReplicaSetup.model_validate_json(setup_json)
            try:
                self._open(setup, accepting)
            except Exception as error:
                # one damaged replica must not keep the others from being recovered
                log.error("replica.open", machine=setup.machine_id, problem=str(error))

    def _open(self, setup: ReplicaSetup, accepting: bool) -> None:
        replica = Replica.open(self.folder / setup.machine_id, self.daemon, _reach, self.custody.key)
        hosted = Hosted(setup, accepting, replica, self._state)
        hosted.look_for_key()
        inbox.clear_parts(replica.inbox)
        hosted.refresh()
        self._hosted[setup.machine_id] = hosted

    def stop(self) -> None:
        for hosted in self.all():
            with contextlib.suppress(Exception):
                hosted.replica.close()
        self.daemon.stop()

    def all(self) -> list[Hosted]:
        with self._lock:
            return list(self._hosted.values())

    def find(self, machine_id: str) -> Hosted | None:
        with self._lock:
            return self._hosted.get(machine_id)

    def get(self, machine_id: str) -> Hosted:
        """The replica; raises NotFound."""
        hosted = self.find(machine_id)
        if hosted is None:
            raise errors.NotFound(
                f"There is no replica of machine {machine_id} here.",
                do="Enable or reprotect the machine first.",
            )
        return hosted

    def prepare(self, setup: ReplicaSetup, within_seconds: float) -> str:
        """Hold a replica for this setup from now on; a sentence. Repeating is harmless."""
        hosted = self.find(setup.machine_id)
        if hosted is None:
            return self._make(setup)
        with hosted.hold("preparing the replica", within_seconds):
            if hosted.replica.state.epoch == setup.epoch and hosted.replica.state.committed_point_id is None:
                return self._keep(hosted, setup)
            if setup.base is not Base.EXISTING:
                raise errors.NotPossibleNow(
                    f"{hosted} of epoch {hosted.setup.epoch} is in the way of an empty one.",
                    do="Disable the machine's protection, or reprotect to the original location.",
                )
            sentence = self._turn(hosted.replica, setup)
            _add_disks(hosted.replica, setup)
            hosted.save(setup=setup, accepting=True)
            hosted.refresh()
            hosted.wants_digests = True
            return sentence

    def _keep(self, hosted: Hosted, setup: ReplicaSetup) -> str:
        """The replica of this epoch is there; its disks may be others now. Nothing else changes then: a failover may
        have closed its inbox since, and it may stand on the disks of an old machine."""
        if hosted.setup.epoch != setup.epoch:  # we died between turning it and saying so
            hosted.save(setup=setup, accepting=True)
        changed = set(setup.disks) != set(hosted.setup.disks)
        added = _add_disks(hosted.replica, setup)
        now = {"disks": setup.disks, "definition": setup.definition}
        hosted.save(setup=hosted.setup.model_copy(update=now))
        hosted.wants_trim = True
        return f"{hosted} {added}" if changed else f"{hosted} was already there"

    def _make(self, setup: ReplicaSetup) -> str:
        folder = self.folder / setup.machine_id
        existing = self._existing(setup)
        run = self._own_run(folder, existing)
        if run is not None:
            replica = Replica.open(folder, self.daemon, _reach, self.custody.key)
            sentence = self._turn(replica, setup)
            _add_disks(replica, setup)
        else:
            replica = Replica.create(
                folder,
                self.daemon,
                setup.machine_id,
                _disks(setup),
                setup.epoch,
                _bases(setup, existing),
                _reach,
                self._key_for(setup, existing),
            )
            sentence = f"made a replica of {setup.machine_name} from {_from(replica, existing)}"
        seams.reach("appliance.replica.made")
        hosted = Hosted(setup, True, replica, self._state)
        hosted.save()
        hosted.refresh()
        with self._lock:
            self._hosted[setup.machine_id] = hosted
        return sentence

    def _key_for(self, setup: ReplicaSetup, existing: MachineDefinition | None) -> EncryptionKey | None:
        """The old disks of a machine stay as they are, and so does what is written onto them."""
        if not setup.encrypted or existing is not None:
            return None
        return self.custody.require(f"The replica of {setup.machine_name}")

    def _existing(self, setup: ReplicaSetup) -> MachineDefinition | None:
        if setup.base is not Base.EXISTING:
            return None
        definition = withdrawn.recall(self._state, setup.existing_fabric_id or "")
        if definition is None:
            raise errors.NotFound(
                f"The old machine of {setup.machine_name} at this site ({setup.existing_fabric_id}) did not give way, "
                "so its disks are no base.",
                do="Reprotect to an alternate location (a full copy), or retry the reprotect job.",
            )
        return definition

    def _own_run(self, folder: Path, existing: MachineDefinition | None) -> str | None:
        """The run of our own older replica that the old machine ran on; None if its disks lie elsewhere."""
        runs = (folder / "runs").absolute()
        for disk in existing.disks if existing else ():
            path = Path(disk.path).absolute()
            if path.is_relative_to(runs):
                return path.relative_to(runs).parts[0]
        return None

    def _turn(self, replica: Replica, setup: ReplicaSetup) -> str:
        """Make the failed-over machine's disks the base of a new epoch."""
        if replica.state.epoch == setup.epoch and replica.state.committed_point_id is None:
            return f"the replica of {setup.machine_name} had turned already"
        folder = self.folder / setup.machine_id
        run = self._own_run(folder, self._existing(setup))
        if run is None:
            raise errors.NotPossibleNow(
                f"The replica of {setup.machine_name} here is from an earlier direction and is not what ran.",
                do="Retry the consolidation of the earlier failback, or disable protection and enable it again.",
            )
        return replica.rebase_from_run(run, setup.epoch)

    def remove(self, hosted: Hosted, *, keep_files: bool = False) -> str:
        """Forget the replica and delete our files; the caller holds it."""
        sentence = f"left the files of {hosted.setup.machine_name} for the machine that runs on them"
        if not keep_files:
            sentence = hosted.replica.remove(even_with_runs=True)
        else:
            hosted.replica.close()
        seams.reach("appliance.replica.removed")
        self._state.remove_replica(hosted.machine_id)
        hosted.verdicts.forget()
        hosted.removed = True
        with self._lock:
            self._hosted.pop(hosted.machine_id, None)
        return sentence

    def free_bytes(self) -> int:
        """What is free in the store, or becomes so when journals give way."""
        free = shutil.disk_usage(self.folder if self.folder.exists() else self.folder.parent).free
        return free + sum(hosted.replica.journal.stored_bytes() for hosted in self.all())


def _reach(name: str) -> None:
    seams.reach(f"appliance.replica.{name}")


def _add_disks(replica: Replica, setup: ReplicaSetup) -> str:
    """Room for disks that the replica has not; a sentence's end."""
    added = [disk for disk in _disks(setup) if disk.key not in replica.state.keys]
    for disk in added:
        replica.add_disk(disk)
    named = ", ".join(disk.key for disk in added)
    return f"has room for {named}" if added else f"holds {', '.join(setup.disks)} from now on"


def _from(replica: Replica, existing: MachineDefinition | None) -> str:
    if existing is not None:
        return "its old disks"
    key_id = replica.state.key_id
    return "empty disks" if key_id is None else f"empty disks, encrypted with key {key_id}"


def _disks(setup: ReplicaSetup) -> list[ReplicaDisk]:
    known = {disk.key: disk for disk in setup.definition.disks}
    missing = [key for key in setup.disks if key not in known]
    if missing:
        raise errors.InvalidArgument(
            f"The definition of {setup.machine_name} has no disk {', '.join(missing)}.",
            do="Discover the machine again and name its disks as they are.",
        )
    return [ReplicaDisk(key, known[key].size_bytes) for key in setup.disks]


def _bases(setup: ReplicaSetup, existing: MachineDefinition | None) -> dict[str, BaseImage]:
    disks = existing.disks if existing else ()
    return {disk.key: BaseImage(Path(disk.path), disk.format) for disk in disks if disk.key in setup.disks}
