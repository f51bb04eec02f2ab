"""What an operator may ask for now, how it is asked for, and what became of it."""

import time
from collections.abc import Callable

from chaos import invariants
from chaos.errors import PromiseBroken
from chaos.ledger import Boot
from chaos.operator import chosen
from chaos.walks.episode import POLICY, Episode
from secondsite.client import Vault
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from secondsite.wire.rest import verbs as shapes

Options = dict[str, object]
BOOT_SECONDS = 30.0
TAKEN_OVER = "was running already"
"""Said by the job of a copy that is not started again."""
MOVES = {
    Verb.FAILOVER: "Failover",
    Verb.PLANNED_FAILOVER: "",
    Verb.CHANGE_RECOVERY_POINT: "Prerequisites check",
}
"""Verbs that start a copy, and the task that says from which instant; '': nothing is lost."""


def offered(on: Episode) -> list[Verb]:
    """What is shown, and what can be asked for at all."""
    machine = on.machine()
    if machine is not None:
        return list(machine.allowed_operations)
    there = [site for site, _ in on.ledger.machines()]
    # an old copy at the other site is not protected in the place of production
    production = all(boot.site in there for boot in on.ledger.boots[-1:])
    return [Verb.ENABLE_PROTECTION] if on.lost is None and there and production else []


def take(on: Episode, verb: Verb, beside: Callable[[], None] = lambda: None) -> str | None:
    """Ask for it and see it end, whatever `beside` does meanwhile; why it did not succeed, None if it did."""
    boots = len(on.ledger.boots)
    try:
        job_id = _start(on, verb)
    except errors.VaultUnreachable:
        raise
    except errors.SecondsiteError as refusal:
        return f"refused: {refusal.message}"
    beside()
    job = on.follow(job_id)
    if job.state is rest.JobState.SUCCEEDED:
        if verb in MOVES:
            _nothing_missing(on, verb, job, boots)
        return None
    return f"{job.state}: {job.problem.message if job.problem else job.sentence}"


def _start(on: Episode, verb: Verb) -> str:
    """The job's id; what was accepted by a vault that died before it answered is not asked for twice."""
    request, before = _request(on, verb), {job.id for job in on.jobs()}

    def start(vault: Vault) -> str:
        new = [job.id for job in vault.jobs.list(verb=verb) if job.id not in before]
        return new[0] if new else vault.machines.start(verb, request).id

    return on.ask(start)


def any_way_on(on: Episode) -> None:
    """Raises PromiseBroken unless one of the offered verbs succeeds. Protection ends only if nothing else
    does."""

    def ways() -> list[Verb]:
        verbs = offered(on)
        on.chance.shuffle(verbs)
        return sorted(verbs, key=lambda verb: verb is Verb.DISABLE_PROTECTION)

    def tried(verb: Verb) -> str | None:
        problem = take(on, verb)
        on.log.append(f"  way on: {verb}: {problem or 'succeeded'}")
        on.settle()
        return problem

    invariants.a_way_on(ways, tried)


def _request(on: Episode, verb: Verb) -> rest.MachinesRequest:
    name = "".join(word.capitalize() for word in verb.value.split("_"))
    shape: type[rest.MachinesRequest] = getattr(rest, name, None) or getattr(shapes, name)
    return shape.model_validate({"machines": (on.name,), **_OPTIONS.get(verb, _none)(on)})


def _none(_: Episode) -> Options:
    return {}


def _enable(on: Episode) -> Options:
    source = on.active_site()
    return {"source_site": source, "target_site": "b" if source == "a" else "a", "policy": POLICY.name}


def _failover(on: Episode) -> Options:
    choice = on.chance.choice([RecoveryPointChoice.LATEST, RecoveryPointChoice.LATEST_PROCESSED])
    return {"choice": choice, "shut_down_source": on.chance.random() < 0.8}


def _older_point(on: Episode) -> Options:
    points = on.ask(lambda vault: list(vault.machines[on.name].points))
    return {"point": on.chance.choice(points).id if points else "none"}


def _without(on: Episode) -> Options:
    return {"without_site": on.lost}


def _without_target(on: Episode) -> Options:
    machine = on.machine()
    return {"without_site": on.lost if machine is not None and machine.target_site == on.lost else None}


def _location(on: Episode) -> Options:
    return {"location": on.chance.choice(list(rest.Location))}


def _second_disk(_: Episode) -> Options:
    return {"disks": ("vdb",)}


_OPTIONS: dict[Verb, Callable[[Episode], Options]] = {
    Verb.ENABLE_PROTECTION: _enable,
    Verb.FAILOVER: _failover,
    Verb.CHANGE_RECOVERY_POINT: _older_point,
    Verb.COMMIT: _without,
    Verb.CANCEL_FAILOVER: _without_target,
    Verb.DISABLE_PROTECTION: _without,
    Verb.CLEANUP_TEST_FAILOVER: _without_target,
    Verb.REPROTECT: _location,
    Verb.INCLUDE_DISK: _second_disk,
    Verb.EXCLUDE_DISK: _second_disk,
}


def _nothing_missing(on: Episode, verb: Verb, job: rest.Job, boots: int) -> None:
    """The copy that was started holds all that it was promised to hold."""
    # a vault of yesterday finds the copy running, and takes it over as it is: that has booted before
    boot = _boot(on, verb, 0 if TAKEN_OVER in job.sentence else boots)
    if boot is None:
        return
    wanted = len(boot.books) if not MOVES[verb] else on.ledger.held_at(chosen(job, MOVES[verb])[1])
    if boot.last < wanted:
        raise PromiseBroken(f"{verb}: {wanted} records were promised, {boot.last} are there")


def _boot(on: Episode, verb: Verb, boots: int) -> Boot | None:
    """The copy's boot, which comes after the first `boots`; None if it does not run, or two do by their
    owner's deed."""
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        on.ledger.check()
        running = on.ledger.running()
        if not running or on.ledger.pardon is not None:
            return None
        # what its owner started just before may be noted only now
        if booted := [each for each in on.ledger.boots[boots:] if (each.site, each.fabric_id) in running]:
            return booted[-1] if boots == 0 else booted[0]
        time.sleep(0.05)
    raise PromiseBroken(f"{verb}: the guest at {on.ledger.running()} stays at record {on.ledger.last}")
