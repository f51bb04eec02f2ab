"""Recovery plans."""

from collections.abc import Iterator, Mapping, Sequence

from ...domain.lifecycle import Verb
from ...wire import rest
from ...wire.rest.choices import PlanChoices
from ..connection import EVERY, Connection, path, request
from .jobs import JobHandle
from .verbs import numbers


class PlanHandle:
    """One plan, by its name. All calls raise NotFound for an unknown one; a change that is told what the
    caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    @property
    def name(self) -> str:
        """The name that was given."""
        return self._name

    def show(self) -> rest.Plan:
        """The plan, with the state of its machines."""
        return self._connection.one(rest.Plan, "GET", path("plans", self._name))

    def set(
        self,
        groups: Sequence[rest.PlanGroupChange],
        *,
        rto_goal_seconds: int | None = None,
        commit_after_held_seconds: int | None = None,
        seen: rest.Plan | None = None,
    ) -> rest.Plan:
        """Replaces its groups, and sets the RTO goal for its runs, and for how long its checks have to hold
        until it commits by itself (0: none, never; None: unchanged); its machines stay as they are."""
        asked = {"rto_goal_seconds": rto_goal_seconds, "commit_after_held_seconds": commit_after_held_seconds}
        if None in asked.values():
            seen = seen or self.show()
        kept = {name: getattr(seen, name) if value is None else value for name, value in asked.items()}
        body = request(rest.PlanChange, groups=tuple(groups), **kept)
        return self._connection.one(rest.Plan, "PUT", path("plans", self._name), body=body, seen=seen)

    def keep_open(self) -> rest.Plan:
        """Leaves its last failover uncommitted, although it is set to commit by itself. Raises
        NotPossibleNow for a plan that is not, or whose commit has begun."""
        return self._connection.one(rest.Plan, "POST", path("plans", self._name, "keep-open"))

    def delete(self, *, seen: rest.Plan | None = None) -> None:
        """Deletes the plan; its machines stay protected."""
        self._connection.call("DELETE", path("plans", self._name), seen=seen)

    def preview(self, verb: Verb, **part: object) -> rest.PlanPreview:
        """What a run would take and lose if it were asked for now, or why it could not be run so. `part`:
        direction, groups, leave_out, choice, data_sync, location, target_appliance."""
        return self._connection.one(
            rest.PlanPreview, "GET", path("plans", self._name, "preview"), _query(verb, part)
        )

    def choices(self, verb: Verb = Verb.FAILOVER, **part: object) -> PlanChoices:
        """Exactly the choices of a recovery point that a run has now: those that all its machines have.
        `part`: direction, groups, leave_out. Raises NotPossibleNow if there could be no run."""
        return self._connection.one(
            PlanChoices, "GET", path("plans", self._name, "choices"), _query(verb, part)
        )

    def run(
        self,
        verb: Verb,
        asked: rest.PlanPart | None = None,
        *,
        seen: rest.Plan | None = None,
        key: str | None = None,
    ) -> JobHandle:
        """The job of a verb for all machines of the plan, or those of a part of it. Raises NotPossibleNow,
        which names the machines that could not be taken, and InvalidArgument; ChangedMeanwhile for one who
        had `seen` another edition, or another state of a machine that would be taken."""
        where = path("plans", self._name, verb.value.replace("_", "-"))
        machines = [machine for group in seen.groups for machine in group.machines] if seen else []
        read = numbers(verb, machines)
        accepted = self._connection.one(
            rest.JobAccepted, "POST", where, body=asked, seen=seen, key=key, read=read
        )
        return JobHandle(self._connection, accepted.job_id)


class Plans:
    """All plans; `plans["shop"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> PlanHandle:
        return PlanHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Plan]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Plan]:
        """All plans, by name."""
        return [*self._connection.pages(rest.PlanPage, path("plans"), EVERY)]

    def create(
        self,
        name: str,
        groups: Sequence[rest.PlanGroupChange],
        *,
        rto_goal_seconds: int = 0,
        commit_after_held_seconds: int = 0,
    ) -> rest.Plan:
        """A new plan: its groups are recovered in this order. Raises AlreadyExists, NotFound for a machine
        that is not protected, NotPossibleNow for one that commits by itself with a machine without checks."""
        body = request(
            rest.PlanCreate,
            name=name,
            groups=tuple(groups),
            rto_goal_seconds=rto_goal_seconds,
            commit_after_held_seconds=commit_after_held_seconds,
        )
        return self._connection.one(rest.Plan, "POST", path("plans"), body=body)


def _query(verb: Verb, part: Mapping[str, object]) -> dict[str, object]:
    """What is asked about: a run of this part of a plan."""
    asked = request(rest.PlanPreviewQuery, verb=verb, **part)
    return {**asked.model_dump(mode="json", exclude_defaults=True), "verb": verb.value}
