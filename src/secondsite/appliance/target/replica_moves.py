"""A replica in a store that several hosts share goes from one appliance to another: from one that does not
run, or from one that gives it away when it is asked.

Its files stay where they are; what changes is whose they are (see stores.ownership)."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from ...datapath.errors import DatapathError
from ...datapath.replica import Replica
from ...domain import errors, shell
from ...domain.errors import SecondsiteError
from ...ground import full_disk, seams
from ...ground.periodic import Every
from ...wire.common.hosts import MOST_SIGNS, StoreSign
from ...wire.control.orders import TakeReplica
from ..shared import State
from .replica import FAILOVER, HostedReplica
from .replicas import ReplicaHost
from .stores import Store, ownership
from .stores.ownership import Owner
from .stores.stores import MOST_TOLD

ASKED_SECONDS = 2.0
BESIDE_SECONDS = 20.0
POLL_SECONDS = 0.2
GIVE_SECONDS = 20.0
"""How long an appliance that gives a replica away waits for what it does to it just now."""
PROVEN = "stores-proven/"

log = structlog.get_logger(__name__)


class StillOpen(errors.NotPossibleNow):
    """A program of QEMU's has a file of the replica open."""


class ReplicaTakeover:
    """Takes over the replica that the order names. `begun` in it: a failover that began at the former
    appliance goes on here."""

    def __init__(self, host: ReplicaHost, order: TakeReplica) -> None:
        self._host = host
        self._setup = order.setup
        self._former_id = order.former_appliance_id
        self._former = f"'{order.former_name}'" if order.former_name else order.former_appliance_id
        self._tokens = frozenset(order.tokens)
        self._begun = order.begun

    def take(self, within_seconds: float) -> HostedReplica:
        """The replica, which is this appliance's now. Harmless when repeated. Raises NotPossibleNow,
        ReplicaError."""
        machine_id, stores = self._setup.machine_id, self._host.stores
        stores.look_beside()
        if stores.holding(machine_id) is None:
            store = self._found()
            if not stores.hold(store) and not (store.reserve.release() and stores.hold(store)):
                raise errors.NotPossibleNow(
                    f"{store.root} cannot be written from here.", do="Look at its mount at this host."
                )
            self._become_owner(store, time.monotonic() + within_seconds)
        return self._host.take_in(self._setup)

    def _found(self) -> Store:
        """The store that has the replica. Raises NotPossibleNow."""
        stores, name = self._host.stores, self._setup.machine_name
        if (folder := stores.of_nobody(self._setup.machine_id)) is not None:
            raise errors.NotPossibleNow(
                f"The replica of {name} is not taken: whose it is cannot be read from "
                f"{folder / ownership.FILE}.",
                do=f"See how that is mended: 'secondsite machine show {shell.arguments(name)}'.",
            )
        for store in stores.reached():
            owner = store.owner_there(self._setup.machine_id)
            if owner is not None and not self._tokens.isdisjoint(store.owners.all_tokens()):
                self._is_had_by(owner)
                return store
        raise errors.NotPossibleNow(
            " ".join(
                (
                    f"The replica of {name}, which appliance {self._former} has, is in no store that is "
                    "seen from here.",
                    *stores.copies[:MOST_TOLD],
                )
            ),
            do="Mount the file system of that store here, beside this appliance's own store.",
        )

    def _is_had_by(self, owner: Owner) -> None:
        """Take it from who has it in the store. That is another one than the vault knows of, if an order to
        take it was carried out and nobody heard of it."""
        if owner.appliance_id != self._former_id:
            log.warning(
                "replica.elsewhere",
                machine=self._setup.machine_id,
                owner=owner.appliance_id,
                former=self._former_id,
            )
            self._former_id = self._former = owner.appliance_id

    def _become_owner(self, store: Store, until: float) -> None:
        """Become the owner: at once if the former one does not run, else once it has given the replica."""
        machine_id, owners = self._setup.machine_id, store.owners
        owners.ask_no_more(self._former_id, machine_id)
        is_asked = False
        try:
            while not store.is_ours(machine_id):
                its_own = store.belongs_to == self._former_id
                with owners.in_place_of(self._former_id, whole_store=its_own) as does_not_run:
                    if does_not_run and self._is_taken(store, last_try=time.monotonic() >= until):
                        return
                if (refused := owners.refusal(self._former_id, machine_id)) is not None:
                    raise errors.NotPossibleNow(refused, do="Do what it says, and try again.")
                if not does_not_run and not is_asked:
                    owners.ask(self._former_id, machine_id)
                    is_asked = True
                if time.monotonic() >= until:
                    raise self._not_given()
                time.sleep(POLL_SECONDS)
        finally:
            with suppress(OSError):
                owners.ask_no_more(self._former_id, machine_id)

    def _is_taken(self, store: Store, *, last_try: bool) -> bool:
        """Take it from an appliance that does not run; False while a program of its host has yet to end."""
        try:
            self._take_from_dead(store)
        except StillOpen:
            if last_try:
                raise
            return False
        return True

    def _not_given(self) -> errors.NotPossibleNow:
        return errors.NotPossibleNow(
            f"Appliance {self._former} still runs with its store, and does not give the replica of "
            f"{self._setup.machine_name}; or machines are started from that store without it.",
            do="Stop it ('systemctl stop secondsite-appliance' at its host), or power its host off: no "
            "replica is taken from an appliance that may write to it.",
        )

    def _take_from_dead(self, store: Store) -> None:
        before = store.owner(self._setup.machine_id)
        if before is None or before.appliance_id != self._former_id:
            raise errors.NotPossibleNow(
                f"The replica of {self._setup.machine_name} is another appliance's by now.",
                do="Look where it is: 'secondsite machine show "
                f"{shell.arguments(self._setup.machine_name)}'.",
            )
        folder, machine_id = store.folder / self._setup.machine_id, self._setup.machine_id
        require_free(self._host, folder, machine_id, self._setup.machine_name, begun=self._begun)
        self._give(store, before)
        seams.reach("appliance.replica.taken")
        log.warning(
            "replica.taken-over",
            machine=self._setup.machine_id,
            former=self._former_id,
            store=str(store.root),
        )

    def _give(self, store: Store, before: Owner) -> None:
        """Make it this appliance's; a full store has space in reserve for that. Raises ReplicaError."""
        folder, name = store.folder / self._setup.machine_id, self._setup.machine_name
        try:
            try:
                ownership.give(folder, before, store.owners.appliance_id)
            except OSError as problem:
                if not full_disk.takes_no_more(problem) or not store.reserve.release():
                    raise
                ownership.give(folder, before, store.owners.appliance_id)
        except OSError as problem:
            raise errors.ReplicaError(
                f"The replica of {name} cannot be taken over: {folder}: {problem.strerror}.",
                do="Look at the mount and the free space of that store.",
            ) from problem


def require_free(host: ReplicaHost, folder: Path, machine_id: str, name: str, *, begun: bool) -> None:
    """Raises NotPossibleNow if a copy runs on the replica in this folder, or may; ReplicaError if it cannot
    be opened here. `name` is the machine's."""
    try:
        replica = host.look_into(folder, machine_id)
        try:
            require_takeable(replica, name, begun=begun)
        finally:
            replica.close()
    except DatapathError as problem:
        raise errors.ReplicaError(
            f"The replica of {name} cannot be taken over: {problem.message}", do=problem.do
        ) from problem
    if (written := next(replica.written_by_qemu(), None)) is not None:
        raise StillOpen(
            f"QEMU, or its storage daemon, still has {written} open.",
            do="Power the host of its appliance off, or end these programs there.",
        )


def require_takeable(replica: Replica, name: str, *, begun: bool) -> None:
    """Raises NotPossibleNow for a replica that stays with its appliance; KeyMissing, KeyWrong."""
    state = replica.state
    if (state.run(FAILOVER) is not None and not begun) or state.stands_on_its_run:
        raise errors.NotPossibleNow(
            f"{name} was failed over onto its replica, and may run at the host of its appliance.",
            do="Start that host and its appliance: they go on where they were.",
        )
    if any(disk.base_files for disk in state.disks):
        raise errors.NotPossibleNow(
            f"The replica of {name} stands on its old disks at the host of its appliance.",
            do="Start that host and its appliance.",
        )
    _ = replica.key


def give_away(host: ReplicaHost, hosted: HostedReplica, appliance_id: str) -> None:
    """Give a replica to another appliance, which asked for it. Raises SecondsiteError if it stays."""
    with hosted.lock("giving it to another appliance", GIVE_SECONDS):
        if hosted.replica.state.runs:
            raise errors.NotPossibleNow(
                f"A copy of {hosted.setup.machine_name} runs on the replica that is asked for.",
                do="End its test failover, or finish its failover, first.",
            )
        require_takeable(hosted.replica, hosted.setup.machine_name, begun=False)
        store = host.stores.of(hosted)
        before = store.owner(hosted.machine_id)
        with hosted.let_go_of(GIVE_SECONDS):
            if before is not None:
                with hosted.handing_over():
                    ownership.give(hosted.replica.files.root, before, appliance_id)
                seams.reach("appliance.replica.given")
            host.let_go(hosted)
    log.info("replica.given", machine=hosted.machine_id, to=appliance_id)


def give_unopened(host: ReplicaHost, store: Store, machine_id: str, owner: Owner, appliance_id: str) -> None:
    """Give a replica of this appliance that it has not opened: it died right after it had become the owner.
    Raises SecondsiteError if it stays."""
    host.require_opened(machine_id)
    with host.arrival(machine_id, "giving it to another appliance", GIVE_SECONDS):
        if host.find(machine_id) is not None:
            raise errors.NotPossibleNow("It was opened just now.", do="Try again.")
        folder = store.folder / machine_id
        require_free(host, folder, machine_id, f"machine {machine_id}", begun=False)
        ownership.give(folder, owner, appliance_id)
    log.info("replica.given", machine=machine_id, to=appliance_id)


class SharedStoresWatch(Every):
    """Looks what other appliances ask for, which stores of others are in reach, and which replicas have
    become another's; tells the vault by `signs` and `proven`. `gone` is called with the id of the machine of
    each replica that this appliance has no more, until no copy is left here."""

    def __init__(self, host: ReplicaHost, state: State, gone: Callable[[str], None]) -> None:
        super().__init__("shared-stores", ASKED_SECONDS, self._look, _failed)
        self._host = host
        self._state = state
        self._gone = gone
        self._beside_at: float | None = None
        self._held: frozenset[str] = frozenset()
        self.signs: tuple[StoreSign, ...] = ()
        """The stores that this appliance holds, each with the tokens that lie in it, as of the last look."""
        self.proven: tuple[str, ...] = ()
        """Tokens of other appliances, each of which was read here while its appliance held its store."""

    def _look(self) -> None:
        stores = self._host.stores
        now = time.monotonic()
        is_due = self._beside_at is None or now - self._beside_at >= BESIDE_SECONDS
        if is_due:
            self._beside_at = now
            stores.look_beside()
            self._prove()
            self._let_go_of_lost()
        self._sign(is_due=is_due)
        if stores.neighbours:
            for store in stores.reached():
                for machine_id, appliance_id in store.owners.asked_of_me() if store.owners.token else ():
                    self._answer(store, machine_id, appliance_id)

    def _sign(self, *, is_due: bool) -> None:
        """Read the tokens again if it is due, or once a store is held that was not."""
        stores = [each for each in self._host.stores.reached() if each.owners.token]
        held = frozenset(each.owners.token for each in stores if each.owners.token)
        if is_due or held != self._held:
            found = [
                StoreSign(store=each.name, token=token) for each in stores for token in each.owners.signs()
            ]
            self._held, self.signs = held, tuple(found[:MOST_SIGNS])

    def _prove(self) -> None:
        proven = []
        for store in self._host.stores.reached():
            for appliance_id in store.owners.others():
                tokens, is_held = store.owners.tokens(appliance_id), store.owners.is_held(appliance_id)
                for token in tokens:
                    if is_held and self._state.fact(PROVEN + token) is None:
                        self._state.put_fact(PROVEN + token, appliance_id)
                    proven.extend([token] if self._state.fact(PROVEN + token) == appliance_id else [])
        for key in self._state.facts(PROVEN):
            if key.removeprefix(PROVEN) not in proven:
                self._state.remove_fact(key)
        self.proven = tuple(proven[:MOST_SIGNS])

    def _let_go_of_lost(self) -> None:
        for hosted in self._host.all():
            if hosted.why_lost() is not None and (owner := self._host.stores.lost(hosted.setup)) is not None:
                log.warning("replica.lost", machine=hosted.machine_id, owner=owner)
                self._host.let_go(hosted)
        for machine_id in self._host.moved():
            self._gone(machine_id)

    def _answer(self, store: Store, machine_id: str, appliance_id: str) -> None:
        hosted = self._host.find(machine_id)
        owner = store.owner(machine_id)
        if owner is not None and owner.appliance_id == appliance_id:
            store.owners.answer(machine_id)
            return
        if not store.owners.is_held(appliance_id):
            # Given to one that had died since, replicas were nobody's that runs.
            store.owners.ask_no_more(store.owners.appliance_id, machine_id)
            return
        try:
            if hosted is not None:
                give_away(self._host, hosted, appliance_id)
            elif owner is not None and store.is_ours(machine_id):
                give_unopened(self._host, store, machine_id, owner, appliance_id)
            else:
                raise errors.NotFound(f"There is no replica of machine {machine_id} here.", do="")
        except SecondsiteError as problem:
            store.owners.answer(machine_id, f"{problem.message} {problem.do}".strip())
        else:
            store.owners.answer(machine_id)


def _failed(problem: Exception) -> None:
    log.warning("stores.not-looked", problem=str(problem))
