"""The replicas of this site. All their disks are written through one storage daemon."""

import contextlib
import shutil
import threading
from pathlib import Path

import structlog

from ...datapath import errors as datapath_errors
from ...datapath import replica as remove
from ...datapath.cycles import inbox
from ...datapath.disks import StorageDaemon, image
from ...datapath.encryption import EncryptionKey
from ...datapath.replica import Replica, ReplicaDisk
from ...domain import errors
from ...ground import seams
from ...ground.problem import SecondsiteError, ours
from ...wire.common.machines import DiskDefinition, MachineDefinition
from ...wire.control.setups import Base, ReplicaSetup
from ..shared import ApplianceConfig, State, withdrawn
from . import old_disks
from .delayed_deletions import Rules
from .journal_space import JournalSpace
from .key_custody import Custody
from .replica import HostedReplica

log = structlog.get_logger(__name__)


class ReplicaHost:
    """All replicas by machine id. Invariant: a listed replica has its files."""

    def __init__(self, config: ApplianceConfig, state: State, custody: Custody) -> None:
        self.custody = custody
        self.folder = config.store / "replicas"
        self.daemon = StorageDaemon(config.store / "daemon")
        self.journal_budget_bytes = config.journal_budget_bytes
        self.space = JournalSpace(self.folder, self.all)
        self._rules = Rules(config.deletion_delay_seconds, config.minimum_retention_seconds)
        self._state = state
        self._lock = threading.Lock()
        self._hosted: dict[str, HostedReplica] = {}
        self._unopened: dict[str, errors.ReplicaError] = {}

    def start(self) -> None:
        """Open all recorded replicas; remove half-received cycles, because nothing is being received now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.daemon.folder.exists():
            # a daemon that outlived a killed appliance still has the disks open; starting ends it
            self.daemon.start()
        remove.sweep(self.folder)
        for machine_id, (setup_json, accepting) in self._state.replicas().items():
            try:
                setup = ReplicaSetup.model_validate_json(setup_json)
                self._open(setup, accepting)
            except Exception as error:
                # one damaged replica must not keep the others from being recovered
                log.error("replica.not-opened", machine=machine_id, problem=str(error))
                self._unopened[machine_id] = _not_opened(machine_id, ours(error))

    def _open(self, setup: ReplicaSetup, accepting: bool) -> None:
        replica = Replica.open(self.folder / setup.machine_id, self.daemon, _reach, self.custody.key)
        hosted = HostedReplica(setup, accepting, replica, self._state, self._rules)
        hosted.accepting = accepting and not hosted.failed_over
        hosted.look_for_key()
        inbox.clear_parts(replica.inbox)
        hosted.refresh()
        self._hosted[setup.machine_id] = hosted

    def stop(self) -> None:
        for hosted in self.all():
            with contextlib.suppress(Exception):
                hosted.replica.close()
        self.daemon.stop()

    def all(self) -> list[HostedReplica]:
        with self._lock:
            return list(self._hosted.values())

    def find(self, machine_id: str) -> HostedReplica | None:
        with self._lock:
            return self._hosted.get(machine_id)

    def get(self, machine_id: str) -> HostedReplica:
        """The replica; raises NotFound."""
        hosted = self.find(machine_id)
        if hosted is None:
            self.require_opened(machine_id)
            raise errors.NotFound(
                f"There is no replica of machine {machine_id} here.",
                do="Enable or reprotect the machine first.",
            )
        return hosted

    def require_opened(self, machine_id: str) -> None:
        """Raises ReplicaError for a replica whose files are here and could not be opened."""
        if machine_id in self._unopened:
            raise self._unopened[machine_id]

    def forget_unopened(self, machine_id: str) -> str | None:
        """Forget such a replica; gives a sentence. Its files stay: nobody can tell whether a machine runs on them."""
        if self._unopened.pop(machine_id, None) is None:
            return None
        self._state.remove_replica(machine_id)
        folder = self.folder / machine_id
        return f"the replica could not be opened, so its files stay; remove {folder} when no machine uses it"

    def prepare(self, setup: ReplicaSetup) -> str:
        """Create, keep or turn a replica for this setup; gives a sentence. It can be repeated. The caller has locked a
        replica that is there."""
        self.require_room_for(setup.machine_id, setup.epoch, setup.base)
        hosted = self.find(setup.machine_id)
        if hosted is None:
            return self._make(setup)
        if hosted.is_of(setup.epoch):
            return self._keep(hosted, setup)
        sentence = self._turn(hosted.replica, setup)
        _add_disks(hosted.replica, setup)
        hosted.save(setup=_not_made(setup), accepting=True)
        hosted.refresh()
        hosted.wants_digests = True
        return sentence

    def require_room_for(self, machine_id: str, epoch: int, base: Base) -> None:
        """Raises NotPossibleNow if the replica that is here cannot be that of this epoch, or become it."""
        hosted = self.find(machine_id)
        if hosted is not None and hosted.is_of(epoch):
            hosted.require_no_copy()
        elif hosted is not None and base is not Base.EXISTING:
            raise errors.NotPossibleNow(
                f"{hosted} of epoch {hosted.setup.epoch} exists; an empty one cannot replace it.",
                do="Disable the machine's protection, or reprotect to the original location.",
            )

    def _keep(self, hosted: HostedReplica, setup: ReplicaSetup) -> str:
        """Keep a replica of this epoch; only its disks may change. A failover may have closed its inbox, and it
        may use the disks of an old machine."""
        if hosted.setup.epoch != setup.epoch:  # a crash came between turning it and recording that
            hosted.save(setup=_not_made(setup), accepting=True)
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
            sentence, setup = self._turn(replica, setup), _not_made(setup)
        else:
            replica = Replica.create(
                folder,
                self.daemon,
                setup.machine_id,
                _disks(setup),
                setup.epoch,
                old_disks.bases(setup, existing),
                _reach,
                self._key_for(setup, existing),
            )
            sentence = f"made a replica of {setup.machine_name} from {_from(replica, existing)}"
        # the files may have been here, forgotten by a database from an old backup
        _add_disks(replica, setup)
        seams.reach("appliance.replica.made")
        hosted = HostedReplica(setup, True, replica, self._state, self._rules)
        if hosted.failed_over:  # it was forgotten
            setup = _not_made(setup)
        hosted.save(setup=setup, accepting=not hosted.failed_over)
        hosted.refresh()
        with self._lock:
            self._hosted[setup.machine_id] = hosted
        return sentence

    def _key_for(self, setup: ReplicaSetup, existing: MachineDefinition | None) -> EncryptionKey | None:
        """The key for a new replica; none on the old disks of a machine, which are not encrypted, nor is what is
        written onto them."""
        if not setup.encrypted or existing is not None:
            return None
        return self.custody.require(f"The replica of {setup.machine_name}")

    def _existing(self, setup: ReplicaSetup) -> MachineDefinition | None:
        if setup.base is not Base.EXISTING:
            return None
        definition = withdrawn.recall(self._state, setup.existing_fabric_id or "")
        if definition is None:
            raise errors.NotFound(
                f"The old machine of {setup.machine_name} at this site ({setup.existing_fabric_id}) was not withdrawn, "
                "so its disks cannot be a base.",
                do="Reprotect to an alternate location (a full copy), or retry the reprotect job.",
            )
        return definition

    def _own_run(self, folder: Path, existing: MachineDefinition | None) -> str | None:
        """The run of our older replica that the old machine used; None if its disks lie elsewhere."""
        runs = (folder / "runs").absolute()
        for disk in existing.disks if existing else ():
            for path in _files(disk):
                if path.is_relative_to(runs):
                    return path.relative_to(runs).parts[0]
        return None

    def _turn(self, replica: Replica, setup: ReplicaSetup) -> str:
        """Make the failed-over machine's disks the base of a new epoch; gives a sentence."""
        if replica.state.epoch == setup.epoch and replica.state.committed_point_id is None:
            return f"the replica of {setup.machine_name} had turned already"
        folder = self.folder / setup.machine_id
        run = self._own_run(folder, self._existing(setup))
        if run is None:
            raise errors.NotPossibleNow(
                f"The replica of {setup.machine_name} here is from an earlier direction, and the machine did not run on it.",
                do="Retry the consolidation of the earlier failback, or disable protection and enable it again.",
            )
        return replica.rebase_from_run(run, setup.epoch)

    def remove(self, hosted: HostedReplica, *, keep_files: bool = False) -> str:
        """Forget the replica and delete its files; the caller has locked it."""
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
        """Free bytes of the store, counting those that shortened journals would free."""
        return shutil.disk_usage(self._store()).free + sum(
            hosted.replica.journal.stored_bytes() for hosted in self.all()
        )

    def whole_bytes(self) -> int:
        """The size of the store's file system."""
        return shutil.disk_usage(self._store()).total

    def _store(self) -> Path:
        return self.folder if self.folder.exists() else self.folder.parent


def _not_opened(machine_id: str, problem: SecondsiteError) -> errors.ReplicaError:
    return errors.ReplicaError(
        f"The replica of {machine_id} is here and cannot be opened: {problem.message}", do=problem.do
    )


def _reach(name: str) -> None:
    seams.reach(f"appliance.replica.{name}")


def _not_made(setup: ReplicaSetup) -> ReplicaSetup:
    """For a replica whose files were here before: what its job undoes leaves them."""
    return setup.model_copy(update={"made_by": None})


def _files(disk: DiskDefinition) -> list[Path]:
    """The disk's file, and those below it: its owner may have put snapshots above ours."""
    top = Path(disk.path).absolute()
    if disk.format != "qcow2" or not top.exists():
        return [top]
    try:
        return [link.path.absolute() for link in image.chain(top)]
    except datapath_errors.ImageProblem:
        return [top]


def _add_disks(replica: Replica, setup: ReplicaSetup) -> str:
    """Add disks that the replica lacks; gives the end of a sentence."""
    added = [disk for disk in _disks(setup) if disk.key not in replica.state.keys]
    for disk in added:
        replica.add_disk(disk)
    named = ", ".join(disk.key for disk in added)
    return f"now has {named} too" if added else f"now has only {', '.join(setup.disks)}"


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
