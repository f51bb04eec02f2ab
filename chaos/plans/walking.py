"""Episodes of steps over a plan: after each every promise is asked, of the machines and of the runs."""

import random
import time

from chaos.plans import party, running
from chaos.plans.drawing import Drawn, drawn
from chaos.plans.party import Party
from chaos.walks import walking
from chaos.walks.accidents import Accidents
from chaos.walks.walking import Bounds, Broken, Walks


def episode(seed: int, number: int, bounds: Bounds) -> tuple[Walks, list[str]]:
    """What came of it, and what is told of it: as `walking.run` wants it."""
    walks, said = Walks(seed, episodes=1), list[str]()
    name = f"{seed}.{number}"
    try:
        with party.opened(random.Random(name)) as on:
            try:
                _walk(on, name, walks, bounds, said)
            except Exception as problem:
                walking.broke(walks, name, problem, on.one, said.append)
            for member in on.members.values():
                walks.points_read += member.points.count
                walks.boots += len(member.ledger.boots)
    except Exception as problem:
        walks.broken.append(Broken(name, f"{type(problem).__name__}: {problem}", (), ""))
        said.append(f"BROKEN {name}: at its beginning or end: {problem}")
    return walks, said


def _walk(on: Party, name: str, walks: Walks, bounds: Bounds, said: list[str]) -> None:
    accidents = Accidents(on.one)
    for number in range(bounds.steps):
        if time.monotonic() > bounds.until:
            return
        step, began = drawn(name, number), time.monotonic()
        on.one.chance.seed(f"{name} {number} by accident")
        walks.steps[step.kind] += 1
        told = _step(on, accidents, step)
        walks.outcomes[f"{step.kind}: {told.partition(': ')[0] if step.kind != 'run' else told}"] += 1
        on.log.append(f"{time.strftime('%H:%M:%S')} {number} {step.kind}: {told}")
        on.settle()
        on.check()
        on.lead_on()
        on.log.append(f"  {_states(on)}")
        seconds = time.monotonic() - began
        walks.took(step.kind, seconds)
        said.append(f"{number} {step.kind}: {told}; beside: {step.beside} ({seconds:.1f} s)")


def _step(on: Party, accidents: Accidents, step: Drawn) -> str:
    if step.kind == "run":
        return running.run(on, accidents, step)
    if step.kind == "single":
        return running.single(on, step)
    if step.kind == "retry":
        return running.retry(on, accidents, step)
    acts = {"kill": accidents.kill, "line cut": accidents.cut, "backup": accidents.back_up}
    return acts[step.kind]() if step.kind in acts else accidents.restore()


def _states(on: Party) -> str:
    return ", ".join(
        f"{each.machine} {each.state} at {'+'.join(each.runs_at) or 'none'}"
        for each in map(on.resting, on.members)
    )
