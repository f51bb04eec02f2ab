"""What a step of a walk over plans is, drawn before it begins: the same steps for the same seed, however
long each takes."""

import random
from dataclasses import dataclass, replace

from chaos.plans.party import GROUPS, MACHINES
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.directions import Direction
from secondsite.domain.points import RecoveryPointChoice

KINDS = {"run": 65, "single": 12, "kill": 5, "line cut": 5, "retry": 8, "backup": 3, "restore": 2}
BESIDE = {
    "nothing": 24,
    "no": 6,
    "skip": 4,
    "cancel": 12,
    "cancel when asked": 8,
    "kill": 16,
    "kill when asked": 6,
    "cut": 6,
    "single when asked": 8,
    "start fails": 10,
    "held when asked": 5,
}
"""What happens while a run is under way."""
WEIGHTS = {
    Verb.TEST_FAILOVER: 3,
    Verb.CLEANUP_TEST_FAILOVER: 2,
    Verb.FAILOVER: 5,
    Verb.PLANNED_FAILOVER: 7,
    Verb.CHANGE_RECOVERY_POINT: 1,
    Verb.COMMIT: 4,
    Verb.CANCEL_FAILOVER: 1,
    Verb.REPROTECT: 6,
}
"""So that plans get round the lifecycle."""
PARTLY, UNASKED, AT_ALL_COSTS = 0.3, 0.8, 0.15
CHOICES = (RecoveryPointChoice.LATEST, RecoveryPointChoice.LATEST_PROCESSED)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A step. `verbs`: the first that is possible is run; without `possible` the first of all, which may
    be refused. `pauses`: seconds until something happens beside the run; `nth`: which start fails. `acts`:
    what draws on the way."""

    number: int
    kind: str
    verbs: tuple[Verb, ...]
    possible: bool
    part: dict[str, object]
    options: dict[Verb, dict[str, object]]
    beside: str
    pauses: tuple[float, ...]
    machine: str
    nth: int
    acts: random.Random

    def calm(self) -> "Drawn":
        """With nothing beside it."""
        return replace(self, beside="nothing")


def drawn(seed: str, number: int) -> Drawn:
    """Step `number` of the episode with this seed."""
    chance = random.Random(f"{seed} {number}")
    (kind,) = chance.choices(list(KINDS), list(KINDS.values()))
    (beside,) = chance.choices(list(BESIDE), list(BESIDE.values()))
    return Drawn(
        number=number,
        kind=kind,
        verbs=_in_any_order(chance),
        possible=chance.random() > AT_ALL_COSTS,
        part=_part(chance),
        options=_options(chance),
        beside=beside,
        pauses=tuple(round(chance.uniform(0.02, 0.7), 2) for _ in range(chance.randint(1, 3))),
        machine=chance.choice(MACHINES),
        nth=chance.randint(1, len(MACHINES)),
        acts=random.Random(f"{seed} {number} acts"),
    )


def _in_any_order(chance: random.Random) -> tuple[Verb, ...]:
    """The likely ones rather first."""
    return tuple(sorted(WEIGHTS, key=lambda verb: chance.random() ** (1 / WEIGHTS[verb]), reverse=True))


def _part(chance: random.Random) -> dict[str, object]:
    part: dict[str, object] = {}
    if chance.random() > UNASKED:
        part["direction"] = chance.choice(list(Direction))
    if chance.random() < PARTLY:
        some = range(1, len(GROUPS) + 1)
        part["groups"] = tuple(sorted(chance.sample(some, chance.randint(1, len(GROUPS) - 1))))
    elif chance.random() < PARTLY:
        part["leave_out"] = (chance.choice(MACHINES),)
    return part


def _options(chance: random.Random) -> dict[Verb, dict[str, object]]:
    return {
        Verb.TEST_FAILOVER: {"clean_up": chance.random() < 0.5, "keep_if_failed": chance.random() < 0.5},
        Verb.FAILOVER: {"choice": chance.choice(CHOICES), "shut_down_source": chance.random() < 0.8},
    }
