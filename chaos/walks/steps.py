"""The kinds of steps: how often each is taken, and what is told of it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from chaos.errors import PromiseBroken
from chaos.walks import verbs
from chaos.walks.accidents import Accidents
from chaos.walks.episode import Episode
from chaos.walks.owner import Owner
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

RARE = {
    Verb.DISABLE_PROTECTION: 0.25,
    Verb.RESYNCHRONIZE: 0.4,
    Verb.INCLUDE_DISK: 0.3,
    Verb.EXCLUDE_DISK: 0.3,
}
"""How often these are taken beside the others, so that machines get round the lifecycle."""
WEIGHTS = {
    "verb": 34,
    "verb under kills": 14,
    "late retry": 10,
    "kill": 6,
    "line cut": 6,
    "line mended": 3,
    "host reboot": 7,
    "owner": 14,
    "backup": 7,
    "restore": 6,
    "site lost": 2,
}
ALONE = ("verb", "verb under kills", "late retry", "kill")
"""With one site left."""
MOST_ADVICE = 3
"""What may stand in a way: a copy that was left, and a mark on the other one."""


@dataclass(slots=True)
class Steps:
    """Of one episode."""

    on: Episode
    accidents: Accidents
    owner: Owner

    def any(self) -> tuple[str, str]:
        """A random one; its kind, and what became of it."""
        if self.on.lost is None and not self.on.ledger.running() and self.on.chance.random() < 0.5:
            return "owner", self.owner.switch_on()
        known = {kind: weight for kind, weight in WEIGHTS.items() if self.on.lost is None or kind in ALONE}
        (kind,) = self.on.chance.choices(list(known), list(known.values()))
        return kind, self._acts()[kind]()

    def _acts(self) -> dict[str, Callable[[], str]]:
        return {
            "verb": self.verb,
            "verb under kills": lambda: self.verb(self.accidents.kill_some),
            "late retry": self.retry,
            "kill": self.accidents.kill,
            "line cut": self.accidents.cut,
            "line mended": self.mend,
            "host reboot": self.accidents.reboot,
            "owner": self.owner.act,
            "backup": self.accidents.back_up,
            "restore": self.accidents.restore,
            "site lost": self.accidents.lose,
        }

    def verb(self, beside: Callable[[], None] = lambda: None) -> str:
        """One that is offered; if it fails, another one has to succeed."""
        offered = verbs.offered(self.on)
        if not offered:
            return "nothing is offered"
        (verb,) = self.on.chance.choices(offered, [RARE.get(verb, 1.0) for verb in offered])
        self.on.log.append(f"  {verb} ...")
        problem = verbs.take(self.on, verb, beside)
        if problem is None:
            return f"{verb}: succeeded"
        self.on.log.append(f"  {verb}: {problem}")
        self.on.mend()
        self.on.log.append(f"  {self.owner.disks.undo()}")
        self._go_on(problem)
        return f"{verb}: {problem}"

    def _go_on(self, problem: str) -> None:
        """As a person would who reads each error and follows its advice; raises PromiseBroken where that
        ends."""
        for _ in range(MOST_ADVICE):
            self.on.log.append(f"  {self.owner.follow_advice(problem)}")
            self.on.settle()
            try:
                verbs.any_way_on(self.on)
            except PromiseBroken as broken:
                problem = str(broken)
                if not self.owner.can_follow(problem):
                    raise
            else:
                return
        raise PromiseBroken(problem)

    def retry(self) -> str:
        """Any job that ever failed, but for the one that protected a machine: it might protect the copy
        that was left."""
        failed = [job for job in self.on.jobs(rest.JobState.FAILED) if job.verb != Verb.ENABLE_PROTECTION]
        if not failed:
            return "none failed"
        job = self.on.chance.choice(failed)
        self.on.log.append(f"  retry of {job.verb} {job.id[:10]}, of {job.created_at:%H:%M:%S} ...")
        with contextlib.suppress(errors.NotPossibleNow):
            self.on.ask(lambda vault: vault.jobs[job.id].retry())
            return f"{job.verb}: {self.on.follow(job.id).state}"
        return f"{job.verb}: refused"

    def mend(self) -> str:
        self.on.mend()
        return "the line is mended"
