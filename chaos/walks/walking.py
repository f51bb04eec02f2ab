"""Walks: episodes of random steps, the promises asked after each; a broken one is kept with its steps, and
the next begins."""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from chaos.walks import episode, walkers
from chaos.walks.accidents import Accidents
from chaos.walks.disks import Disks
from chaos.walks.episode import Episode
from chaos.walks.owner import Owner
from chaos.walks.steps import Steps

MOST_STEPS = 40
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
    """What was done, and what broke. `episodes`: each began with two new sites, from a seed of its own.
    `seconds`: how long the steps took, by their kind."""

    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    episodes: int = 0
    points_read: int = 0
    boots: int = 0
    copies_told: int = 0
    broken: list[Broken] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        broken = [asdict(each) for each in self.broken]
        counted = {name: dict(getattr(self, name)) for name in ("steps", "seconds", "outcomes")}
        return {name: counted.get(name, getattr(self, name)) for name in self.__slots__} | {"broken": broken}

    def add(self, other: Self) -> None:
        for name in ("steps", "outcomes", "episodes", "points_read", "boots", "copies_told", "broken"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for kind, seconds in other.seconds.items():
            self.took(kind, seconds)

    def took(self, kind: str, seconds: float) -> None:
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of an episode: how many steps it may take, and when (monotonic) it is over."""

    steps: int = MOST_STEPS
    until: float = float("inf")


def run(
    steps: int,
    seed: int,
    *,
    side_by_side: int = 1,
    within_seconds: float = float("inf"),
    most_broken: int | None = None,
    say: Say = lambda _: None,
    take: Callable[..., tuple["Walks", list[str]]] | None = None,
) -> Walks:
    """At least so many steps, unless the time is over or so many promises broke before. `take`: an episode
    of another kind, from the seed, its number and its bounds."""
    walks, until = Walks(seed), time.monotonic() + within_seconds

    def wanted(under_way: int) -> bool:
        """Whether one more episode is, beside those that are under way."""
        enough = walks.steps.total() + under_way * MOST_STEPS >= steps
        broken = most_broken is not None and len(walks.broken) >= most_broken
        return not enough and not broken and time.monotonic() < until

    def begin(number: int) -> tuple[int, int, Bounds]:
        return seed, number, Bounds(min(MOST_STEPS, steps), until)

    for taken, said in walkers.taken(take or _episode, begin, wanted, side_by_side):
        walks.add(taken)
        for line in said:
            say(line)
    return walks


def _episode(seed: int, number: int, bounds: Bounds) -> tuple[Walks, list[str]]:
    """What came of it, and what is told of it."""
    walks = Walks(seed, episodes=1)
    said: list[str] = []
    name = f"{seed}.{number}"
    try:
        with episode.opened(random.Random(name)) as on:
            try:
                _walk(Steps(on, Accidents(on), Owner(on, Disks(on))), walks, bounds, said.append)
            except Exception as problem:
                broke(walks, name, problem, on, said.append)
            walks.points_read += on.points.count
            walks.boots += len(on.ledger.boots)
            walks.copies_told += on.copies_told
    except Exception as problem:
        walks.broken.append(Broken(name, f"{type(problem).__name__}: {problem}", (), ""))
        said.append(f"BROKEN {name}: at its beginning or end: {problem}")
    return walks, said


def broke(walks: Walks, name: str, problem: Exception, on: Episode, say: Say) -> None:
    """Kept with its steps and logs."""
    told = f"{type(problem).__name__}: {problem}"
    walks.broken.append(Broken(name, told, tuple(on.log), str(_keep(on))))
    say("\n".join([f"BROKEN {name}: {told}", *on.log]))


def _walk(acts: Steps, walks: Walks, bounds: Bounds, say: Say) -> None:
    alone = 0
    for number in range(bounds.steps):
        if time.monotonic() > bounds.until or alone > STEPS_WITHOUT_A_SITE:
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
        seconds = time.monotonic() - began
        walks.took(kind, seconds)
        say(f"{number} {kind}: {told} ({seconds:.1f} s)")
        alone += acts.on.lost is not None


def _keep(on: Episode) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="secondsite-walk-", dir="/var/tmp"))
    for log in (*on.rig.folder.glob("*.log"), *on.rig.folder.glob("*/*.db*")):
        shutil.copy(log, kept / f"{log.parent.name}-{log.name}")
    return kept
