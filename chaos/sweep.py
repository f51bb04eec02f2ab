"""Kill at every seam: for each verb and each victim at the first effect, the second, ... until a run ends
untouched.

The lifecycle is walked round and round; in each round every verb runs once with one victim armed. A verb that
passes hundreds of seams is sampled: all of the first `EVERY`, then each `STRIDE`-th.
"""

import itertools
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chaos import world
from chaos.errors import PromiseBroken
from chaos.walk import WAY, Station
from chaos.world import World
from rig import Rig
from secondsite.ground import seams

VICTIMS = ("vault", "source", "target", "daemon")
EVERY, STRIDE = 15, 7
SLICE_DEPTH = 40
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kill:
    """A victim at its n-th seam in a station. `hit` names the seam; None when the verb ended before it
    came."""

    station: str
    victim: str
    n: int
    hit: str | None
    seconds: float
    away_seconds: float


@dataclass(slots=True)
class Sweep:
    """What was done so far."""

    kills: list[Kill] = field(default_factory=list)
    broken: str | None = None

    @property
    def deaths(self) -> int:
        return sum(kill.hit is not None for kill in self.kills)


class Named(Protocol):
    """A station on some way."""

    @property
    def name(self) -> str:
        """No other station of the way has it."""
        ...


Plan = Callable[[Station, int], tuple[str, int] | None]
"""Which victim dies at which seam when a station is passed in a round; None for nobody."""


class Ladder:
    """The whole sweep: each victim of each station climbs its own ladder until it was not touched."""

    def __init__(self, victims: Sequence[str] = VICTIMS, way: Sequence[Named] = WAY) -> None:
        self._victims = victims
        self._next = {(s.name, v): _rungs() for s in way for v in victims}

    def __call__(self, station: Named, round_number: int) -> tuple[str, int] | None:
        for turn in range(len(self._victims)):
            victim = self._victims[(round_number + turn) % len(self._victims)]
            if (station.name, victim) in self._next:
                return victim, next(self._next[station.name, victim])
        return None

    def untouched(self, kill: Kill) -> None:
        self._next.pop((kill.station, kill.victim), None)

    def climbed(self, earlier: Iterable[Mapping[str, Any]]) -> None:
        """Go on above what an interrupted sweep's report tells: rungs climbed and ladders left untouched
        are not done again."""
        for kill in earlier:
            rung = (kill["station"], kill["victim"])
            if kill["hit"] is None:
                self._next.pop(rung, None)
            elif rung in self._next:
                self._next[rung] = _rungs(above=kill["n"])

    @property
    def done(self) -> bool:
        return not self._next


def as_json(kill: Kill) -> dict[str, Any]:
    return asdict(kill)


def _rungs(above: int = 0) -> Iterator[int]:
    every = itertools.chain(range(1, EVERY + 1), itertools.count(EVERY + STRIDE, STRIDE))
    return itertools.dropwhile(lambda n: n <= above, every)


def sliced(slice_number: int) -> Plan:
    """A part of the sweep, another one for each slice number, the same one for the same."""

    def plan(station: Station, round_number: int) -> tuple[str, int]:
        at = next(i for i, each in enumerate(WAY) if each is station)
        victim = VICTIMS[(at + round_number + slice_number) % len(VICTIMS)]
        chance = random.Random(f"{slice_number} {round_number} {station.name}")
        return victim, chance.randint(1, SLICE_DEPTH if chance.random() < 0.3 else 12)

    return plan


def run(
    plan: Plan,
    *,
    within_seconds: float,
    folder: Path | None = None,
    say: Say = lambda _: None,
    encrypted: bool = False,
) -> Sweep:
    """Walk rounds until the plan has nobody left to kill or the time is over (a round is always finished, and
    there is one).

    Stops at the first promise that breaks, which `broken` then tells. With `encrypted` the machine's replica
    at site b is encrypted.
    """
    sweep = Sweep()
    with world.opened(folder, encrypted=encrypted) as where:
        began = time.monotonic()
        for round_number in itertools.count():
            if time.monotonic() - began > within_seconds or (isinstance(plan, Ladder) and plan.done):
                return sweep
            try:
                _round(where, plan, round_number, sweep, say)
            except KeyboardInterrupt:
                say("interrupted; '--resume' with this report goes on")
                return sweep
            except Exception as problem:
                notes = "".join(f"\n{note}" for note in getattr(problem, "__notes__", ()))
                sweep.broken = f"{type(problem).__name__}: {problem}{notes}\nlogs: {_keep_logs(where)}"
                # said now: a guest that hangs for the same reason may stop us from ending
                say(f"BROKEN {sweep.broken}")
                return sweep
    raise AssertionError("a count has no end")


def _keep_logs(where: World) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="secondsite-sweep-", dir="/var/tmp"))
    for log in where.rig.folder.glob("*.log"):
        shutil.copy(log, kept)
    return kept


def _round(where: World, plan: Plan, round_number: int, sweep: Sweep, say: Say) -> None:
    for station in WAY:
        chosen = plan(station, round_number)
        if chosen is None:
            where.walk(station)
            continue
        kill = _pass(where, station, *chosen)
        sweep.kills.append(kill)
        say(f"{station.name}: {kill.victim} {kill.n} {kill.hit or 'untouched'} {kill.seconds:.1f} s")
        if kill.hit is None and isinstance(plan, Ladder):
            plan.untouched(kill)


def _pass(where: World, station: Station, victim: str, n: int) -> Kill:
    """One verb with one victim armed; raises PromiseBroken naming both."""
    file, began = arm(where.rig, (station.source, station.target), victim, n), time.monotonic()
    try:
        where.walk(station)
    except Exception as problem:
        raise PromiseBroken(
            f"{station.name}, {victim} killed at seam {n} ({_hit(file)}): {problem}"
        ) from problem
    finally:
        hit = disarm(file)
        where.ready()
    away = sum(outage.seconds for outage in where.keeper.outages_since(began))
    return Kill(station.name, victim, n, hit, time.monotonic() - began, away)


def arm(rig: Rig, sites: tuple[str, str], victim: str, n: int, seam: str = "") -> Path:
    """The victim dies at its n-th seam from now, or the n-th time that it reaches this one; `sites` are
    the source and the target. The seam file, for `disarm`."""
    source, target = sites
    place = source if victim == "source" else target
    name = "vault" if victim == "vault" else f"appliance-{place}"
    store = rig.home(f"appliance-{place}") / "store"
    file = rig.seam_file(name)
    _hit_file(file).unlink(missing_ok=True)
    seams.order(file, n, store / "daemon" / "storage-daemon.pid" if victim == "daemon" else None, seam)
    return file


def disarm(file: Path) -> str | None:
    """The seam that was hit; None: none was."""
    file.unlink(missing_ok=True)
    return _hit(file)


def _hit(file: Path) -> str | None:
    found = _hit_file(file)
    return found.read_text() if found.exists() else None


def _hit_file(file: Path) -> Path:
    return file.with_name(file.name + ".hit")
