"""Machines: what is protected, how well, and every verb on them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, overload

from ...domain.health import Health
from ...domain.lifecycle import State, Verb
from ...domain.machines.connecting import Line
from ...domain.points import RecoveryPointChoice
from ...wire import rest
from ...wire.common.cards import CardSettings
from ...wire.common.hooks import MachineHook
from ...wire.common.machine_checks import MachineCheck
from ...wire.common.properties import TargetProperties
from ...wire.rest.choices import RecoveryChoices
from ...wire.rest.glance.machine_rows import MachineRowQuery, MachineRows
from ...wire.rest.machine_settings import (
    MachineChecks,
    MachineChecksChange,
    MachineHooks,
    MachineHooksChange,
    MachineProperties,
    MachinePropertiesChange,
    MachineSettings,
    MachineSettingsChange,
)
from ...wire.rest.places import SiteMachines
from ...wire.rest.predictions import Prediction, ReprotectPreview
from ...wire.rest.preflights import ApplianceCandidates, Connecting, Preflight
from ..connection import Connection, path, request
from .drill_ways import OpenDrill
from .jobs import JobHandle
from .points import Points
from .verbs import Choice, Verbs, start

EVERY_ROW = MachineRowQuery()


class MachineHandle(Verbs):
    """One machine, by its name or id."""

    def __init__(self, connection: Connection, name: str, key: str | None = None) -> None:
        super().__init__(connection, (name,), key)
        self._name = name
        self.points = Points(connection, name)
        self.drill = OpenDrill(connection, name)

    def once(self, key: str) -> "MachineHandle":
        """See `Verbs.once`."""
        return MachineHandle(self._connection, self._name, key)

    def show(self) -> rest.Machine:
        """All that is known of it, with the notes of its drills. Raises NotFound unless it is under
        protection."""
        return self._connection.one(rest.Machine, "GET", path("machines", self._name))

    def rpo(
        self, since: datetime | None = None, every_seconds: int | None = None
    ) -> Sequence[rest.RpoSample]:
        """Its RPO every ten seconds since then (aware), oldest first; a week is kept. With `every_seconds`
        the largest of each such span."""
        query = {"since": None if since is None else since.isoformat(), "every": every_seconds}
        return self._connection.many(rest.RpoSample, path("machines", self._name, "rpo"), query)

    def churn(self) -> Sequence[rest.ChurnSample]:
        """What it wrote between its recovery points, oldest first."""
        return self._connection.many(rest.ChurnSample, path("machines", self._name, "churn"))

    def preview(
        self,
        choice: Choice = RecoveryPointChoice.LATEST,
        point: str | None = None,
        at: datetime | None = None,
    ) -> rest.RecoveryPreview:
        """What a failover would start from now, and how many seconds of work it would lose; why not, in
        `problem`. Starts nothing. With the choice 'custom', `point` is the id of a recovery point. With
        `at` (aware), and nothing else, it is the newest processed cycle at or before that time."""
        query: dict[str, Any] = {
            "choice": choice,
            "point": point,
            "at": None if at is None else at.isoformat(),
        }
        return self._connection.one(
            rest.RecoveryPreview, "GET", path("machines", self._name, "preview"), query
        )

    def choices(self, verb: Verb = Verb.FAILOVER) -> RecoveryChoices:
        """Exactly the choices of a recovery point that the verb has for it now, with what each would start
        from and lose. Starts nothing. Raises InvalidArgument for a verb that starts from none."""
        where = path("machines", self._name, "choices")
        return self._connection.one(RecoveryChoices, "GET", where, {"verb": verb})

    def predict(self, verb: Verb = Verb.FAILOVER) -> Prediction:
        """How long the verb will take until the machine runs, from former runs; `seconds` is None while
        none is known. Starts nothing. Raises InvalidArgument for another verb than test_failover, failover
        and planned_failover."""
        return self._connection.one(
            Prediction, "GET", path("machines", self._name, "prediction"), {"verb": verb}
        )

    def reprotect_preview(
        self, location: rest.Location = rest.Location.ORIGINAL, target_appliance: str | None = None
    ) -> ReprotectPreview:
        """What is in the way of a reprotect, what it would send, and how long it would take; both sites
        are asked. Starts nothing. Raises NotPossibleNow for a machine that cannot be reprotected now."""
        where = path("machines", self._name, "reprotect-preview")
        query = {"location": location, "target_appliance": target_appliance}
        return self._connection.one(ReprotectPreview, "GET", where, query)

    def preflight(self) -> Preflight:
        """What would be in the way of a failover now; both sites are asked, and nothing is changed. Raises
        NotPossibleNow if none is possible in its state."""
        return self._connection.one(Preflight, "GET", path("machines", self._name, "preflight"))

    def appliances(self) -> ApplianceCandidates:
        """Which appliances it could be protected back to, and why others do not fit; all are asked, and
        nothing is changed. Raises NotPossibleNow for a machine that cannot be reprotected now."""
        return self._connection.one(ApplianceCandidates, "GET", path("machines", self._name, "appliances"))

    def settings(self) -> MachineSettings:
        """What is set for its network cards, and what they are connected to after a failover."""
        return self._connection.one(MachineSettings, "GET", path("machines", self._name, "settings"))

    def set_cards(
        self, cards: Sequence[CardSettings], *, seen: MachineSettings | None = None
    ) -> MachineSettings:
        """Replaces the settings of its cards; a card that is not named is connected by the mappings. What
        runs at the second site already stays as it is. Raises InvalidArgument for a card that it does not
        have, ChangedMeanwhile for one who had `seen` something else."""
        body = request(MachineSettingsChange, cards=tuple(cards))
        where = path("machines", self._name, "settings")
        return self._connection.one(MachineSettings, "PUT", where, body=body, seen=seen)

    def checks(self) -> MachineChecks:
        """What is checked of it after each start."""
        return self._connection.one(MachineChecks, "GET", path("machines", self._name, "checks"))

    def set_checks(
        self, checks: Sequence[MachineCheck], *, seen: MachineChecks | None = None
    ) -> MachineChecks:
        """Replaces its checks; without any nothing is checked. They apply from its next start on. Raises
        InvalidArgument for a name that is given twice, ChangedMeanwhile for one who had `seen` something
        else."""
        body = request(MachineChecksChange, checks=tuple(checks))
        where = path("machines", self._name, "checks")
        return self._connection.one(MachineChecks, "PUT", where, body=body, seen=seen)

    def connecting(self) -> Connecting:
        """What lets somebody connect to it after a failover, and who saw or said that it is so."""
        return self._connection.one(Connecting, "GET", path("machines", self._name, "connecting"))

    def confirm(self, line: Line) -> Connecting:
        """Says that a line is so; remembered with the instant and the caller's name. Raises InvalidArgument
        for a line that is not asked of it, NotPossibleNow if an agent in it sees the opposite."""
        return self._connection.one(Connecting, "PUT", path("machines", self._name, "connecting", line))

    def take_back(self, line: Line) -> Connecting:
        """Forgets that a line was confirmed."""
        return self._connection.one(Connecting, "DELETE", path("machines", self._name, "connecting", line))

    def hooks(self) -> MachineHooks:
        """The scripts that run after it was started, and before it is stopped."""
        return self._connection.one(MachineHooks, "GET", path("machines", self._name, "hooks"))

    def set_hooks(self, hooks: Sequence[MachineHook], *, seen: MachineHooks | None = None) -> MachineHooks:
        """Replaces its hooks; without any nothing runs. A verb that was asked for before keeps those that it
        had. Raises InvalidArgument for a name that is given twice, ChangedMeanwhile for one who had `seen`
        something else."""
        body = request(MachineHooksChange, hooks=tuple(hooks))
        where = path("machines", self._name, "hooks")
        return self._connection.one(MachineHooks, "PUT", where, body=body, seen=seen)

    def properties(self) -> MachineProperties:
        """Its name, vCPUs, memory, CPU model and start delay after a failover, as is set for it."""
        where = path("machines", self._name, "properties")
        return self._connection.one(MachineProperties, "GET", where)

    def set_properties(
        self, wanted: TargetProperties, *, seen: MachineProperties | None = None
    ) -> MachineProperties:
        """Replaces these properties; a None means "as at home". They apply from its next start there on.
        Raises InvalidArgument for a name that another machine has or is to have there, or a CPU model that
        its host there does not have, ChangedMeanwhile for one who had `seen` something else."""
        body = request(MachinePropertiesChange, **dict(wanted))
        where = path("machines", self._name, "properties")
        return self._connection.one(MachineProperties, "PUT", where, body=body, seen=seen)

    def policy(self) -> rest.MachinePolicy:
        """The replication policy that it has now."""
        return self._connection.one(rest.MachinePolicy, "GET", path("machines", self._name, "policy"))

    def set_policy(self, policy: str, *, seen: rest.MachinePolicy | None = None) -> rest.MachinePolicy:
        """Gives it another replication policy; its appliances are told. Raises NotFound, InvalidArgument for
        a read-only one, NotPossibleNow for one that encrypts replicas while the machine's is not,
        ChangedMeanwhile for one who had `seen` another."""
        body = request(rest.MachinePolicyChange, policy=policy)
        where = path("machines", self._name, "policy")
        return self._connection.one(rest.MachinePolicy, "PUT", where, body=body, seen=seen)

    def start_anyway(self, site: str, *, accept_two_copies: bool) -> JobHandle:
        """Starts the machine's old copy at that site, once, although that is forbidden because the machine
        was failed over. With `accept_two_copies` the caller knows that both copies may run and write;
        without it this is refused."""
        body = request(rest.StartAnyway, site=site, accept_two_copies=accept_two_copies)
        where = path("machines", self._name, "start-anyway")
        accepted = self._connection.one(rest.JobAccepted, "POST", where, body=body, key=self._key)
        return JobHandle(self._connection, accepted.job_id)

    def _start(self, verb: Verb, asked: rest.MachinesRequest) -> JobHandle:
        """Start a verb, which has a path of its own for one machine."""
        where = path("machines", self._name, verb.value.replace("_", "-"))
        options = asked.model_dump(mode="json", exclude={"machines"})
        accepted = self._connection.one(rest.JobAccepted, "POST", where, body=options, key=self._key)
        return JobHandle(self._connection, accepted.job_id)


class Machines:
    """All machines under protection; `machines["web01"]` is one, `machines["web01", "db01"]` several at
    once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @overload
    def __getitem__(self, names: str) -> MachineHandle: ...

    @overload
    def __getitem__(self, names: tuple[str, ...]) -> Verbs: ...

    def __getitem__(self, names: str | tuple[str, ...]) -> Verbs:
        if isinstance(names, str):
            return MachineHandle(self._connection, names)
        return Verbs(self._connection, names)

    def __iter__(self) -> Iterator[rest.Machine]:
        return self.list()

    def list(
        self,
        *,
        site: str | None = None,
        state: Sequence[State] = (),
        health: Sequence[Health] = (),
        policy: str | None = None,
        group: str | None = None,
        search: str | None = None,
        finding: Sequence[str] = (),
        sort: rest.MachineSort = rest.MachineSort.NAME,
        descending: bool = False,
        page_size: int = rest.MOST_PER_PAGE,
    ) -> Iterator[rest.Machine]:
        """Machines under protection that fit all that is given, in that order; pages are asked for as they
        are needed. `search` is a part of their names."""
        query = request(
            rest.MachineQuery,
            site=site,
            state=tuple(state),
            health=tuple(health),
            policy=policy,
            group=group,
            search=search,
            finding=tuple(finding),
            sort=sort,
            descending=descending,
            limit=page_size,
        )
        return self._connection.pages(rest.MachinePage, path("machines"), query)

    def rows(self, wanted: MachineRowQuery = EVERY_ROW) -> MachineRows:
        """Machines under protection as short rows, in one piece; `Vault.live` follows them from its mark."""
        query = wanted.model_dump(mode="json", exclude_defaults=True)
        return self._connection.one(MachineRows, "GET", path("machine-rows"), query)

    def discovered(self, site: str | None = None) -> Sequence[SiteMachines]:
        """Machines that nobody protects, per site; of a site that cannot be asked now those that it had,
        and why."""
        return self._connection.many(SiteMachines, path("discovery"), {"site": site})

    def start(self, verb: Verb, asked: rest.MachinesRequest) -> JobHandle:
        """The job of a verb that is only known when the program runs."""
        return start(self._connection, verb, asked)
