"""The replicas of this site. All their disks are written through one storage daemon."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ...datapath.cycles import inbox
from ...datapath.encryption import EncryptionKey
from ...datapath.errors import AnotherReplica
from ...datapath.replica import Replica, ReplicaDisk
from ...domain import errors, shell
from ...ground import durable, seams
from ...ground.periodic import Every
from ...ground.problem import SecondsiteError, ours
from ...rescue import ENDED, RECORD, signed
from ...wire.common.machines import MachineDefinition
from ...wire.common.stores import StoreSpace
from ...wire.control.setups import Base, ReplicaSetup
from ..shared import ApplianceConfig, MachineLock, State, moved_key, run_key
from . import old_disks
from .delayed_deletions import Rules
from .key_change import Custody
from .misplaced_replicas import OF_ANOTHER, OF_NOBODY, MisplacedReplica
from .replica import FAILOVER, HostedReplica
from .store_daemon import daemon_of, end_left_over
from .stores import Store, Stores, ownership
from .stores.stores import kept
from .verdicts import Verdicts

EMPTIED_EVERY_SECONDS = 60.0
AWAY = (
    "Mount it at the host of that appliance, or repair it, then start its appliance again ('systemctl "
    "restart secondsite-appliance'). Nothing of the replica is lost meanwhile."
)

log = structlog.get_logger(__name__)


class StoreAway(errors.ReplicaError):
    """The store that the replica is in is not mounted, or cannot be used."""


class ReplicaHost:
    """All replicas of this site, by machine id. Invariant: a listed replica has its files."""

    def __init__(self, config: ApplianceConfig, state: State, custody: Custody) -> None:
        self.custody = custody
        self.stores = Stores(config, self.all)
        self.daemon = daemon_of(config.store)
        self._root = config.store
        self._appliance_id = config.appliance_id
        self.journal_budget_bytes = config.journal_budget_bytes
        self._emptying = Every("trash", EMPTIED_EVERY_SECONDS, self.stores.empty_trash, _not_emptied)
        self._rules = Rules(config.deletion_delay_seconds, config.minimum_retention_seconds)
        self._state = state
        self._lock = threading.Lock()
        self._arrivals: dict[str, MachineLock] = {}
        self._hosted: dict[str, HostedReplica] = {}
        self._unopened: dict[str, errors.ReplicaError] = {}
        self._misplaced: dict[str, MisplacedReplica] = {}

    def start(self) -> None:
        """Open all recorded replicas; remove half-received cycles, because nothing is being received now."""
        self.stores.start(self._state)
        end_left_over(self._root)
        for machine_id, (setup_json, accepting) in self._state.replicas().items():
            try:
                setup = ReplicaSetup.model_validate_json(setup_json)
                if self.stores.lost(setup) is not None:
                    self._forget_lost(machine_id)
                    continue
                if (folder := self.stores.of_nobody(machine_id)) is not None:
                    raise self._refusal(self._of_nobody(setup, folder))
                self._place(setup)  # a store that is away may have what this one has in its trash
                if not self._is_in_trash(machine_id):
                    self._open(setup, accepting)
            except Exception as error:
                # One damaged replica must not keep the others from being recovered.
                log.error("replica.not-opened", machine=machine_id, problem=str(error))
                self._unopened[machine_id] = _not_opened(machine_id, setup_json, ours(error))
        self.stores.keep_reserves()
        self._emptying.start()

    def _place(self, setup: ReplicaSetup) -> Store:
        """The store that a replica is in; raises StoreAway while that cannot be used."""
        try:
            return self.stores.place(setup)
        except errors.NotPossibleNow as problem:
            raise StoreAway(
                f"The replica of {setup.machine_name} cannot be used: {problem.message}", do=AWAY
            ) from problem

    def _is_in_trash(self, machine_id: str) -> bool:
        """Whether the replica is in the trash; finishes its removal if that was interrupted."""
        if not self.stores.has_ended(machine_id):
            return False
        self._state.remove_replica(machine_id)
        Verdicts(self._state, machine_id).forget()
        return True

    def _open(self, setup: ReplicaSetup, accepting: bool) -> None:
        store = self.stores.place(setup)
        self._require_held(store)
        folder = store.folder / setup.machine_id
        try:
            replica = self._opened(folder, setup.machine_id)
        except AnotherReplica as problem:
            raise self._refusal(MisplacedReplica.of_another(kept(setup, store), problem, folder)) from problem
        if replica.state.epoch < setup.epoch:
            replica.close()
            raise self._refusal(MisplacedReplica.of_earlier(kept(setup, store), replica.state.epoch, folder))
        hosted = HostedReplica(kept(setup, store), accepting, replica, self._state, self._rules)
        hosted.why_lost = self._ownership(store, setup.machine_id)
        hosted.accepting = accepting and not hosted.failed_over
        if accepting and hosted.failed_over:
            hosted.was_started_without_us()
        if replica.was_put_back:
            hosted.verdicts.distrust()
            replica.forget_digests()
            log.warning("replica.put-back", machine=setup.machine_id)
        hosted.look_for_key()
        inbox.clear_parts(replica.files.inbox)
        hosted.refresh()
        with self._lock:
            self._hosted[setup.machine_id] = hosted

    def _require_held(self, store: Store) -> None:
        """Raises StoreAway for a neighbour's store whose lock this appliance does not have: another one may
        take the replica."""
        if store in self.stores.neighbours and not self.stores.hold(store):
            raise StoreAway(f"{store.root} cannot be locked from here.", do=AWAY)

    @staticmethod
    def _ownership(store: Store, machine_id: str) -> Callable[[], str | None]:
        """Says why the replica, which is this appliance's now, may have become another's."""
        before = store.owner(machine_id)

        def why_lost() -> str | None:
            now = store.owner(machine_id)
            if now is None or before is None:
                return ownership.unreadable(store.folder / machine_id, store.owners.appliance_id)
            return None if now == before else "it is another appliance's now"

        return why_lost

    def _of_nobody(self, setup: ReplicaSetup, folder: Path) -> MisplacedReplica:
        start = run_key(setup.machine_id, "")
        known = tuple(sorted(key.removeprefix(start) for key in self._state.facts(start)))
        return MisplacedReplica.of_nobody(setup, folder, self._appliance_id, known)

    def tell_whose(self, hosted: HostedReplica) -> None:
        """Add a finding while it cannot be read whose a replica is: nobody works on it meanwhile."""
        store = self.stores.of(hosted)
        if store.owner(hosted.machine_id) is None:
            why = ownership.unreadable(hosted.replica.files.root, self._appliance_id)
            hosted.findings.add(OF_NOBODY, f"Of {hosted}, {why}")
        else:
            hosted.findings.clear(OF_NOBODY)

    def look_into(self, folder: Path, machine_id: str) -> Replica:
        """The replica of another appliance, to be looked at and closed. Raises DatapathError."""
        return self._opened(folder, machine_id)

    def let_go(self, hosted: HostedReplica) -> None:
        """Forget a replica that another appliance has now; its files stay as they are."""
        with contextlib.suppress(SecondsiteError):
            hosted.replica.close()
        hosted.removed = True
        with self._lock:
            self._hosted.pop(hosted.machine_id, None)
        self._forget_lost(hosted.machine_id)

    def _forget_lost(self, machine_id: str) -> None:
        log.info("replica.let-go", machine=machine_id)
        self._state.put_fact(moved_key(machine_id), "")
        self._state.remove_replica(machine_id)
        Verdicts(self._state, machine_id).forget()

    def moved(self) -> Sequence[str]:
        """The ids of the machines whose replicas became another appliance's, and of which copies may be
        defined here still, until `forget_moved`."""
        start = moved_key("")
        return sorted(key.removeprefix(start) for key in self._state.facts(start))

    def forget_moved(self, machine_id: str) -> None:
        """No copy is left here of a machine whose replica is another appliance's."""
        self._state.remove_fact(moved_key(machine_id))

    def _refusal(self, misplaced: MisplacedReplica) -> errors.ReplicaError:
        """Note the misplaced replica; returns the error for whoever asks for it."""
        self._misplaced[misplaced.setup.machine_id] = misplaced
        return misplaced.refusal()

    def _opened(self, folder: Path, machine_id: str) -> Replica:
        return Replica.open(folder, self.daemon, _reach, self.custody.key, machine_id)

    def take_in(self, setup: ReplicaSetup) -> HostedReplica:
        """Take in a replica that lies in a store and is not known here, because its appliance was lost. Its
        files stay as they are. Raises ReplicaError for one that cannot be opened."""
        self.require_opened(setup.machine_id)
        if self.find(setup.machine_id) is None:
            self._open(setup, True)
        (self.get(setup.machine_id).replica.files.root / ENDED).unlink(missing_ok=True)
        hosted = self.get(setup.machine_id)
        hosted.save()
        return hosted

    def unknown(self) -> Sequence[tuple[Store, str]]:
        """Replicas that lie in a store and are not known here, as pairs of the store and the machine's id.
        A store that is away hides none of the others'."""
        known = {hosted.machine_id for hosted in self.all()} | set(self._unopened)
        return [
            (store, name) for store in self.stores.usable() for name in store.lying() if name not in known
        ]

    def unopened(self) -> Mapping[str, errors.ReplicaError]:
        """Known replicas that could not be opened, with the error, by machine id."""
        return dict(self._unopened)

    def misplaced(self) -> list[MisplacedReplica]:
        """The replicas in whose folders another machine's replica lies, or one of an earlier epoch."""
        return [each for machine_id, each in self._misplaced.items() if machine_id in self._unopened]

    def holds_another(self, machine_id: str) -> bool:
        """Whether the machine's folder holds another machine's replica."""
        return any(
            (each.setup.machine_id, each.code) == (machine_id, OF_ANOTHER) for each in self.misplaced()
        )

    def stop(self) -> None:
        self._emptying.stop()
        for hosted in self.all():
            with contextlib.suppress(Exception):
                hosted.replica.close()
        self.daemon.stop()
        self.stores.stop()

    def arrival(
        self, machine_id: str, purpose: str, within_seconds: float
    ) -> contextlib.AbstractContextManager[None]:
        """Let one order at a time make, take in or remove the machine's replica, which has no lock of its own
        before it is here. Raises DeadlineExceeded."""
        with self._lock:
            lock = self._arrivals.setdefault(
                machine_id, MachineLock(lambda: f"the replica of machine {machine_id}", lambda: False)
            )
        return lock.acquire(purpose, within_seconds)

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
            raise self._not_here(machine_id)
        return hosted

    def _not_here(self, machine_id: str) -> errors.NotFound:
        there = ((each, each.owner_there(machine_id)) for each in self.stores.reached())
        for store, owner in there:
            if owner is not None and owner.appliance_id != store.owners.appliance_id:
                return errors.NotFound(
                    f"The replica of machine {machine_id} in {store.root} is that of appliance "
                    f"{owner.appliance_id}.",
                    do=f"Have it moved: 'secondsite machine move-replica {shell.arguments(machine_id)}'.",
                )
        return errors.NotFound(
            f"There is no replica of machine {machine_id} here.", do="Enable or reprotect the machine first."
        )

    def require_opened(self, machine_id: str) -> None:
        """Raises ReplicaError for a replica whose files are here and could not be opened."""
        if machine_id in self._unopened:
            raise self._unopened[machine_id]

    def forget_unopened(self, machine_id: str) -> str | None:
        """Forget a replica that could not be opened; returns a sentence, or None if there is none. Its files
        stay: nobody can tell whether a machine runs on them."""
        if self._unopened.pop(machine_id, None) is None:
            return None
        self._state.remove_replica(machine_id)
        store = self.stores.holding(machine_id)
        where = f"remove {store.folder / machine_id}" if store else "remove them from their store"
        return f"the replica could not be opened, so its files stay; {where} when no machine uses it"

    def prepare(self, setup: ReplicaSetup) -> str:
        """Create, keep or turn around a replica for this setup; returns a sentence. It can be repeated. If
        the replica exists, the caller has locked it."""
        if any(each.setup.machine_id == setup.machine_id for each in self.misplaced()):
            self.require_opened(setup.machine_id)
        self.require_room_for(setup.machine_id, setup.epoch, setup.base)
        hosted = self.find(setup.machine_id)
        if hosted is not None and hosted.never_began(setup.epoch):
            self.remove(hosted, keep_points=False)
            hosted = None
        if hosted is None:
            return self._make(setup)
        if hosted.is_of(setup.epoch):
            return self._keep(hosted, setup)
        store = self.stores.of(hosted)
        sentence = self._turn(hosted.replica, setup) + self.stores.said(setup, store)
        _add_disks(hosted.replica, setup)
        hosted.save(setup=_not_made(kept(setup, store)), accepting=True)
        hosted.refresh()
        hosted.wants_digests = True
        return sentence

    def require_room_for(self, machine_id: str, epoch: int, base: Base) -> None:
        """Raises NotPossibleNow if the replica that is here is not of this epoch and cannot become so."""
        hosted = self.find(machine_id)
        if hosted is not None and hosted.is_of(epoch):
            hosted.require_no_copy()
        elif hosted is not None and base is not Base.EXISTING and not hosted.never_began(epoch):
            raise errors.NotPossibleNow(
                f"{hosted} of epoch {hosted.setup.epoch} exists; an empty one cannot replace it.",
                do="If a machine was failed over onto it, 'secondsite machine show MACHINE' says how that "
                "copy is taken over: do not end its protection before that. Else disable the machine's "
                "protection, or reprotect to the original location.",
            )

    def _keep(self, hosted: HostedReplica, setup: ReplicaSetup) -> str:
        """Keep a replica of this epoch; only its disks may change. A failover may have closed its inbox,
        and it may use the disks of an old machine."""
        if hosted.setup.epoch != setup.epoch:  # a crash came between turning it and recording that
            hosted.save(setup=_not_made(kept(setup, self.stores.of(hosted))), accepting=True)
        changed = set(setup.disks) != set(hosted.setup.disks)
        added = _add_disks(hosted.replica, setup)
        now = {
            "disks": setup.disks,
            "definition": setup.definition,
            "source_appliance_id": setup.source_appliance_id,
        }
        hosted.save(setup=hosted.setup.model_copy(update=now))
        hosted.wants_trim = True
        return f"{hosted} {added}" if changed else f"{hosted} was already there"

    def _make(self, setup: ReplicaSetup) -> str:
        store = self.stores.place(setup)
        folder = store.folder / setup.machine_id
        existing = old_disks.existing(self._state, setup)
        old_disks.require_lent(setup, existing)
        run = old_disks.own_run(folder, existing)
        if run is not None:
            replica = self._opened(folder, setup.machine_id)
            sentence, setup = self._turn(replica, setup), _not_made(setup)
        else:
            replica = Replica.create(
                folder,
                self.daemon,
                setup.machine_id,
                _disks(setup),
                setup.epoch,
                old_disks.bases(self._state, setup, existing),
                _reach,
                self._key_for(setup, existing),
            )
            sentence = f"made a replica of {setup.machine_name} from {_source(replica, existing)}"
        sentence += self.stores.said(setup, store)
        setup = kept(setup, store)
        # The files may have been here, forgotten by a database from an old backup.
        _add_disks(replica, setup)
        seams.reach("appliance.replica.made")
        (folder / ENDED).unlink(missing_ok=True)
        hosted = HostedReplica(setup, True, replica, self._state, self._rules)
        hosted.why_lost = self._ownership(store, setup.machine_id)
        if hosted.failed_over:  # it was forgotten
            setup = _not_made(setup)
        hosted.save(setup=setup, accepting=not hosted.failed_over)
        hosted.refresh()
        with self._lock:
            self._hosted[setup.machine_id] = hosted
        self._unopened.pop(setup.machine_id, None)
        return sentence

    def _key_for(self, setup: ReplicaSetup, existing: MachineDefinition | None) -> EncryptionKey | None:
        """The key for a new replica; None for one on the old disks of a machine: these are not encrypted, nor
        is what is written above them."""
        if not setup.encrypted or existing is not None:
            return None
        return self.custody.require(f"The replica of {setup.machine_name}")

    def _turn(self, replica: Replica, setup: ReplicaSetup) -> str:
        """Make the failed-over machine's disks the base of a new epoch; returns a sentence."""
        if replica.state.epoch == setup.epoch and replica.state.committed_point_id is None:
            return f"the replica of {setup.machine_name} had turned already"
        folder = self.stores.folder(setup)
        run = old_disks.own_run(folder, old_disks.existing(self._state, setup))
        if run is None:
            raise errors.NotPossibleNow(
                (
                    f"The replica of {setup.machine_name} here is from an earlier direction, and the machine "
                    "did not run on it."
                ),
                do=(
                    "Retry the consolidation of the earlier failback, or disable protection and enable it "
                    "again."
                ),
            )
        return replica.rebase_from_run(run, setup.epoch)

    def remove(self, hosted: HostedReplica, *, keep_files: bool = False, keep_points: bool = True) -> str:
        """Forget the replica; returns a sentence. Its files go to the trash if it has points, and are deleted
        otherwise. The caller has locked it."""
        sentence = f"left the files of {hosted.setup.machine_name} in {hosted.replica.files.root}"
        if keep_files:
            hosted.replica.close()
            _leave(hosted.replica.files.root)
        elif keep_points and self.stores.of(hosted).trash.takes(hosted):
            sentence = self.stores.of(hosted).trash.put(hosted)
        else:
            sentence = hosted.replica.remove(even_with_runs=True)
        seams.reach("appliance.replica.removed")
        self._state.remove_replica(hosted.machine_id)
        hosted.verdicts.forget()
        hosted.removed = True
        with self._lock:
            self._hosted.pop(hosted.machine_id, None)
        return sentence

    def commit(self, hosted: HostedReplica) -> str:
        """Fix the replica on the point of its failover; the other points go to the trash. Returns a sentence.
        The caller has locked it."""
        points = self.stores.of(hosted).trash.keep_points(hosted)
        return hosted.replica.settle(FAILOVER) + points

    def spaces(self) -> Sequence[StoreSpace]:
        """The space in every store, the default one first."""
        return [each.seen() for each in self.stores.all]


def _leave(folder: Path) -> None:
    """Note that the files in the folder are nobody's replica any more: no vault is to adopt it, and a start
    without a vault must not take it for the machine of that name that is protected."""
    (folder / RECORD).unlink(missing_ok=True)
    try:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        durable.write(folder / ENDED, signed({"at": at}))
    except (OSError, SecondsiteError) as problem:  # its files are left all the same
        log.warning("replica.end-not-noted", folder=str(folder), problem=str(problem))


def _not_emptied(problem: Exception) -> None:
    log.error("trash.not-emptied", problem=str(problem))


def _reach(name: str) -> None:
    seams.reach(f"appliance.replica.{name}")


def _not_opened(machine_id: str, setup_json: str, problem: SecondsiteError) -> errors.ReplicaError:
    if isinstance(problem, StoreAway):
        return problem
    name = f"machine {machine_id}"
    with contextlib.suppress(ValueError):
        name = ReplicaSetup.model_validate_json(setup_json).machine_name
    return errors.ReplicaError(
        f"The replica of {name} is here and cannot be opened: {problem.message}", do=problem.do
    )


def _not_made(setup: ReplicaSetup) -> ReplicaSetup:
    """The setup of a replica whose files were here before: undoing its job leaves them."""
    return setup.model_copy(update={"made_by": None})


def _add_disks(replica: Replica, setup: ReplicaSetup) -> str:
    """Add disks that the replica lacks; returns the end of a sentence."""
    added = [disk for disk in _disks(setup) if disk.key not in replica.state.keys]
    for disk in added:
        replica.add_disk(disk)
    named = ", ".join(disk.key for disk in added)
    return f"now has {named} too" if added else f"now has only {', '.join(setup.disks)}"


def _source(replica: Replica, existing: MachineDefinition | None) -> str:
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
