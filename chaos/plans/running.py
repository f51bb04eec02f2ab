"""A verb for the plan, what happens beside it, and what was seen of the run once it has ended."""

import contextlib
import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chaos.errors import PromiseBroken
from chaos.plans import promises
from chaos.plans.drawing import Drawn
from chaos.plans.party import GROUPS, PLAN, Party
from chaos.walks import verbs
from chaos.walks.accidents import Accidents
from chaos.walks.episode import LONGEST_LOOK_SECONDS, PATIENCE_SECONDS, SETTLE_SECONDS
from secondsite.client import Vault
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.directions import Direction
from secondsite.fabrics import simulated
from secondsite.vault.facade.nouns.plan_runs import REQUESTS
from secondsite.wire import rest

ALONE = (
    Verb.ENABLE_PROTECTION,
    Verb.DISABLE_PROTECTION,
    Verb.INCLUDE_DISK,
    Verb.EXCLUDE_DISK,
    Verb.UPDATE_NAMES,
)
"""A plan has nothing to do with these."""


@dataclass(slots=True)
class Beside:
    """What happens while a run is under way, as it was drawn. `since`: when a cancel was taken
    (monotonic)."""

    party: Party
    accidents: Accidents
    drawn: Drawn
    touched: set[str] = field(default_factory=set)
    since: float | None = None
    _times: int = 0

    def look(self, job: rest.Job, seconds: float) -> None:
        """So long after the run has begun."""
        due = self._times < len(self.drawn.pauses) and seconds > sum(self.drawn.pauses[: self._times + 1])
        act = {"cancel": self._cancel, "kill": self._kill, "cut": self._cut}.get(self.drawn.beside)
        if due and act is not None:
            self._times += 1
            act(job)

    def asked(self, job: rest.Job) -> None:
        """The run asks a person."""
        once: Mapping[str, Callable[[rest.Job], None]] = {
            "cancel when asked": self._cancel,
            "kill when asked": self._kill_and_wait,
            "single when asked": self._single,
            "held when asked": self._restored,
        }
        act = once.get(self.drawn.beside)
        if act is not None and self._times == 0:
            self._times += 1
            act(job)
            if self.drawn.beside != "single when asked":
                return
        if self.since is None:
            verdict = {"no": "failed", "skip": "skipped"}.get(self.drawn.beside, "done")
            self._say(f"answers {verdict}")
            self.party.answer(job.id, verdict)

    def before(self, to: str) -> None:
        """The run begins now, and starts copies at that site."""
        if self.drawn.beside == "start fails":
            fault = simulated.Fault(method="hosting.create", nth=self.drawn.nth, code="fabric-error")
            simulated.dial(self._root(to), [fault])

    def after(self) -> None:
        for site in ("a", "b"):
            simulated.dial(self._root(site), [])

    def _cancel(self, job: rest.Job) -> None:
        if self.since is not None:
            return
        try:
            self.party.one.ask(lambda vault: vault.jobs[job.id].cancel())
        except errors.NotPossibleNow:
            self._say("cancel refused")
            return
        self.since = time.monotonic()
        self._say("cancelled")

    def _kill(self, _job: rest.Job) -> None:
        self._say(self.accidents.kill())

    def _kill_and_wait(self, job: rest.Job) -> None:
        self._kill(job)
        self.party.one.all_up()

    def _cut(self, _job: rest.Job) -> None:
        self._say(self.accidents.cut())

    def _single(self, _job: rest.Job) -> None:
        self.touched.add(self.drawn.machine)
        self._say(single(self.party, self.drawn))

    def _restored(self, _job: rest.Job) -> None:
        """By a database that was copied while it asks: it is held then."""
        self._say(self.accidents.back_up("vault"))
        self._say(self.accidents.put_back("vault", self.accidents.backups["vault"][-1]))
        self.party.one.all_up()

    def _say(self, told: str) -> None:
        self.party.log.append(f"    {told}")

    def _root(self, site: str) -> Path:
        return self.party.one.rig.home(f"appliance-{site}") / "fabric"


def run(party: Party, accidents: Accidents, drawn: Drawn) -> str:
    """The first verb that is possible, with what happens beside it; what became of it."""
    asked = _chosen(party, drawn)
    if asked is None:
        return "nothing: no verb is possible"
    verb, part = asked
    options = {**drawn.options.get(verb, {}), **part}
    party.log.append(f"  {verb} {options}, beside it: {drawn.beside} {drawn.pauses}")
    job = one_run(party, Beside(party, accidents, drawn), verb, options)
    return f"{verb}: {job.state if job else 'refused'}"


def one_run(party: Party, beside: Beside, verb: Verb, options: Mapping[str, object]) -> rest.Job | None:
    """The run once it has ended, and was asked every promise; None if it is refused. Raises PromiseBroken."""
    part = {key: value for key, value in options.items() if key in rest.PlanPart.model_fields}
    shown = party.one.ask(partial(_preview, verb, part))
    taken = [machine for group in shown.groups for machine in group.machines]
    beside.before(next((each.to_site for each in taken), "b"))
    began = time.time()
    try:
        job_id = _submitted(party, verb, options)
        if job_id is None:
            return None
        promises.same_direction(verb, {each.name: each.from_site for each in taken})
        job = follow(party, job_id, beside)
    finally:
        beside.after()
    judge(party, verb, shown, began, job, beside)
    return job


def _parts(drawn: Drawn) -> Iterator[dict[str, object]]:
    """Of the plan, as it was drawn; else all, one way, or one group: machines may stand anywhere."""
    yield drawn.part
    yield {}
    for way in Direction:
        yield {"direction": way}
    for number in range(1, len(GROUPS) + 1):
        yield {"groups": (number,)}


def _chosen(party: Party, drawn: Drawn) -> tuple[Verb, dict[str, object]] | None:
    """A verb, and which part of the plan."""
    for part, verb in itertools.product(_parts(drawn), drawn.verbs):
        shown = party.one.ask(partial(_preview, verb, part))
        if shown.problem is None or not drawn.possible:
            return verb, dict(part)
    return None


def _preview(verb: Verb, part: Mapping[str, object], vault: Vault) -> rest.PlanPreview:
    return vault.plans[PLAN].preview(verb, **part)


def _submitted(party: Party, verb: Verb, options: Mapping[str, object]) -> str | None:
    """The job's id; None if it is refused, which writes no job. An answer that is lost with the vault is
    asked for with the same key."""
    asked, key = REQUESTS[verb].model_validate(dict(options)), uuid.uuid4().hex
    before = {job.id for job in party.one.jobs()}
    try:
        return party.one.ask(lambda vault: vault.plans[PLAN].run(verb, asked, key=key)).id
    except errors.VaultUnreachable:
        raise
    except errors.SecondsiteError as refusal:
        party.log.append(f"    refused: {refusal.message}")
        written = [job.id for job in party.one.jobs() if job.id not in before and job.parent_id is None]
        if written:
            raise PromiseBroken(f"{verb} was refused, and there is a job: {written}") from None
        return None


def follow(party: Party, job_id: str, beside: Beside) -> rest.Job:
    """The run at its end. A cut line is mended if it waits for it; what is held is decided."""
    began = time.monotonic()
    while True:
        job = party.one.ask(lambda vault: vault.jobs[job_id].show())
        seconds = time.monotonic() - began
        if job.state.ended:
            break
        if job.state is rest.JobState.HELD:
            _decide_all(party)
        elif job.waits_for_person:
            beside.asked(job)
        beside.look(job, seconds)
        if seconds > sum(beside.drawn.pauses) + PATIENCE_SECONDS:
            party.one.mend()
        if beside.since is not None:
            promises.comes_to_rest(time.monotonic() - beside.since, [f"the run {job_id[:10]}"])
        if seconds > SETTLE_SECONDS:
            raise PromiseBroken(f"it does not end: {party.one.rig.describe(job)}")
        time.sleep(LONGEST_LOOK_SECONDS / 3)
    return party.one.ask(lambda vault: vault.jobs[job_id].show())


def _decide_all(party: Party) -> None:
    for job in party.busy():
        if job.state is rest.JobState.HELD:
            party.one.decide(job)


def judge(
    party: Party, verb: Verb, shown: rest.PlanPreview, began: float, job: rest.Job, beside: Beside
) -> None:
    """What was seen of a run that has ended, asked every promise. `shown`: what it was to do; `began`:
    seconds since the epoch."""
    children = list(party.one.ask(lambda vault: list(vault.jobs[job.id].children())))
    party.excuse(job)
    party.watch.look()
    promises.ended_run(
        promises.Run(
            verb=verb,
            groups=tuple(tuple(each.name for each in group.machines) for group in shown.groups),
            to=next((each.to_site for group in shown.groups for each in group.machines), "b"),
            began=began,
            ended=job.state,
            children={str(each.subject_name): each.state for each in reversed(children) if each.verb is verb},
            told=told(job),
            spans=party.watch.spans(began),
            touched=frozenset(beside.touched),
            cancelled=beside.since is not None or job.state is rest.JobState.CANCELLED,
        )
    )
    left = [each.subject_name for each in children if not each.state.ended]
    if left:
        raise PromiseBroken(f"the run of {verb} has ended {job.state}, and these go on: {left}")


def told(job: rest.Job) -> str:
    """All that a run says."""
    said = [job.sentence, job.problem.message if job.problem else ""]
    for task in job.tasks:
        said += [task.sentence, task.problem.message if task.problem else ""]
    return " | ".join(filter(None, said))


def single(party: Party, drawn: Drawn) -> str:
    """A verb of one machine that is offered."""
    member = party.members[drawn.machine]
    offered = [verb for verb in verbs.offered(member) if verb not in ALONE]
    if not offered:
        return f"{drawn.machine}: nothing is offered"
    verb = drawn.acts.choice(offered)
    problem = verbs.take(member, verb)
    return f"{verb} of {drawn.machine}: {problem or 'succeeded'}"


def retry(party: Party, accidents: Accidents, drawn: Drawn) -> str:
    """A run that failed."""
    failed = [job for job in party.one.jobs(rest.JobState.FAILED) if is_run(job)]
    if not failed:
        return "none failed"
    job = drawn.acts.choice(failed[:3])
    party.retried[job.id] += 1
    with contextlib.suppress(errors.NotPossibleNow):
        party.one.ask(lambda vault: vault.jobs[job.id].retry())
        ended = follow(party, job.id, Beside(party, accidents, drawn))
        party.excuse(ended)
        return f"{job.verb}: {ended.state}"
    return f"{job.verb}: refused"


def is_run(job: rest.Job) -> bool:
    return job.subject_name == f"plan {PLAN}" and job.parent_id is None
