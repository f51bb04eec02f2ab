"""Walks on the rig as installed: an owner, an operator, and hosts that lose their power while a verb is
under way."""

import collections
import random
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import guestkit
from chaos.errors import PromiseBroken
from chaos.owners.owner import NAME
from chaos.owners.places import AsInstalled
from chaos.owners.walk import Walk
from rig.eventually import eventually
from rig.installed import Installed
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

POLICY = rest.PolicyCreate(
    name="walk",
    rpo_threshold_seconds=60,
    retention_seconds=300,
    crash_consistent_every_seconds=5,
    app_consistent_every_seconds=0,
    cycle_seconds=2,
)
WORKLOAD = guestkit.Workload(records_per_second=5, load_kib_per_second=64)
EVERY = 10
"""Steps from one reboot to the next."""
HOME_EVERY = 50
"""Steps after which it comes home, and is asked whether it can."""
WAIT_SECONDS = 300.0
Say = Callable[[str], None]


@dataclass
class Walked:
    """What a run saw."""

    seed: int
    steps: int = 0
    reboots: collections.Counter[str] = field(default_factory=collections.Counter)
    became: collections.Counter[str] = field(default_factory=collections.Counter)
    """How often a verb ended in a way."""
    broken: str | None = None

    def as_json(self) -> dict[str, Any]:
        """With plain numbers by name."""
        return {**vars(self), "reboots": dict(self.reboots), "became": dict(self.became)}


def run(steps: int, seed: int, within_seconds: float, say: Say) -> Walked:
    """So many steps, or as many as fit; then home. What broke a promise ends it."""
    seen, chance = Walked(seed), random.Random(seed)
    with Installed() as rig:
        _protect(rig)
        say(f"{NAME} is protected, {rig.about}")
        walk = Rebooted(rig, chance, seen, say)
        try:
            walk.go_on(steps, time.monotonic() + within_seconds)
        except (PromiseBroken, AssertionError) as problem:
            seen.broken = f"{problem}\n{traceback.format_exc()}\n{_logs(rig)}"
            say(seen.broken)
    return seen


class Rebooted(Walk):
    """A walk at every EVERYth step of which a host loses its power while the verb is under way."""

    def __init__(self, rig: Installed, chance: random.Random, seen: Walked, say: Say) -> None:
        super().__init__(rig, AsInstalled(rig), chance, WAIT_SECONDS)
        self._installed, self._seen, self._say = rig, seen, say

    def go_on(self, steps: int, until: float) -> None:
        for number in range(1, steps + 1):
            self.random_step(self._reboot if number % EVERY == 0 else str)
            self._count(number)
            if number % HOME_EVERY == 0:
                self.come_home()
            if time.monotonic() > until:
                break
        self.come_home()

    def _reboot(self) -> str:
        """Up to three seconds into the verb, anywhere."""
        time.sleep(self.chance.uniform(0, 3))
        name = self.chance.choice(list(self._installed.hosts))
        starts = {site: self._starts(site) for site in self.owner.places.sites if site == name}
        self._installed.hosts[name].reboot()
        self._seen.reboots[name] += 1
        self._installed.wait_connected(WAIT_SECONDS)
        for site in [site for site, does in starts.items() if does]:
            eventually(lambda at=site: self._runs_or_left(at), WAIT_SECONDS)
        return f"host {name} rebooted; "

    def _starts(self, site: str) -> bool:
        """Whether it is production there, and starts with its host."""
        found = self.owner.standing(site)
        return found is not None and found.autostart and self.rig.machine(NAME).active_site == site

    def _runs_or_left(self, site: str) -> bool:
        """What starts with its host runs, or a verb has taken it from there meanwhile."""
        found = self.owner.standing(site)
        return (
            found is None or found.is_on or not found.autostart or self.rig.machine(NAME).active_site != site
        )

    def _count(self, number: int) -> None:
        told = self.trace[-2:]
        self._seen.steps = number
        self._seen.became[
            f"{told[0].partition(', then ')[2]}: {told[1].split(':')[0].rpartition('; ')[2].strip()}"
        ] += 1
        self._say(f"{number}: {'; '.join(each.strip() for each in told)}")


def _protect(rig: Installed) -> None:
    rig.open()
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
    guest = rig.make_guest(NAME, workload=WORKLOAD)
    rig.virsh("a", "autostart", NAME)
    guest.console.wait_for(lambda seen: seen.last_record >= 3, WAIT_SECONDS)
    asked = rest.EnableProtection(machines=(NAME,), source_site="a", target_site="b", policy=POLICY.name)
    rig.must(Verb.ENABLE_PROTECTION, asked)
    rig.new_points(NAME, within_seconds=WAIT_SECONDS)


def _logs(rig: Installed) -> str:
    """Their ends."""
    ends: Sequence[str] = [
        f"--- {name}\n" + "\n".join(log.splitlines()[-60:]) for name, log in rig.logs().items()
    ]
    return "\n".join(ends)
