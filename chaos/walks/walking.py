"""Walks: episodes of random steps, the promises asked after each; a broken one is kept with its steps, and the next begins."""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos.walks import episode
from chaos.walks.accidents import Accidents
from chaos.walks.episode import Episode
from chaos.walks.owner import Owner
from chaos.walks.steps import Steps

MOST_STEPS = 25
STEPS_WITHOUT_A_SITE = 5
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that broke: in which episode, after which steps, and where the logs are."""

    episode: str
    promise: str
    steps: tuple[str, ...]
    logs: str


@dataclass(slots=True)
class Walks:
    """What was done, and what broke. `episodes`: each began with two new sites, from a seed of its own."""

    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    episodes: int = 0
    points_read: int = 0
    boots: int = 0
    copies_told: int = 0
    broken: list[Broken] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        broken = [asdict(each) for each in self.broken]
        counted = {"steps": dict(self.steps), "outcomes": dict(self.outcomes), "broken": broken}
        return {name: counted.get(name, getattr(self, name)) for name in self.__slots__}


def run(
    steps: int,
    seed: int,
    *,
    within_seconds: float = float("inf"),
    most_broken: int | None = None,
    say: Say = lambda _: None,
) -> Walks:
    """At least so many steps, unless the time is over or so many promises broke before."""
    walks, until = Walks(seed), time.monotonic() + within_seconds
    while walks.steps.total() < steps and time.monotonic() < until:
        _episode(walks, steps, until, say)
        if most_broken is not None and len(walks.broken) >= most_broken:
            break
    return walks


def _episode(walks: Walks, steps: int, until: float, say: Say) -> None:
    walks.episodes += 1
    name = f"{walks.seed}.{walks.episodes}"
    with episode.opened(random.Random(name)) as on:
        acts = Steps(on, Accidents(on), Owner(on))
        try:
            _walk(acts, walks, steps, until, say)
        except Exception as problem:
            told = f"{type(problem).__name__}: {problem}"
            walks.broken.append(Broken(name, told, tuple(on.log), str(_keep(on))))
            say("\n".join([f"BROKEN {name}: {told}", *on.log]))
        walks.points_read += on.points.count
        walks.boots += len(on.ledger.boots)
        walks.copies_told += on.copies_told


def _walk(acts: Steps, walks: Walks, steps: int, until: float, say: Say) -> None:
    alone = 0
    for number in range(MOST_STEPS):
        if walks.steps.total() >= steps or time.monotonic() > until or alone > STEPS_WITHOUT_A_SITE:
            return
        began = time.monotonic()
        kind, told = acts.any()
        walks.steps[kind] += 1
        walks.outcomes[
            f"{kind}: {told.partition(': ')[0]}" if "verb" in kind or "retry" in kind else kind
        ] += 1
        acts.on.log.append(f"{time.strftime('%H:%M:%S')} {number} {kind}: {told}")
        acts.on.settle()
        acts.on.check()
        shown = acts.on.machine()
        acts.on.log.append(f"  {shown.state if shown else 'unprotected'}, runs {acts.on.ledger.running()}")
        say(f"{number} {kind}: {told} ({time.monotonic() - began:.1f} s)")
        alone += acts.on.lost is not None


def _keep(on: Episode) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="secondsite-walk-", dir="/var/tmp"))
    for log in (*on.rig.folder.glob("*.log"), *on.rig.folder.glob("*/*.db*")):
        shutil.copy(log, kept / f"{log.parent.name}-{log.name}")
    return kept
