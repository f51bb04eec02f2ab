"""One machine lives on the rig as installed: it is brought to any state of its lifecycle, and looked at
after whatever befell its hosts."""

import contextlib
from dataclasses import dataclass

import pytest

import guestkit
from rig.eventually import eventually
from rig.installed import Installed, why_not
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from tests.support import policies

MARKS = (
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
)
"""Of every module here."""
IN_TURN = pytest.mark.every(turn="installed")
"""Beside the story each run takes one of these."""
NAME = "web01"
OFF = "failed-over-machine-off"
PROTECTED, AWAY, COMMITTED = "protected", "failed over", "committed"
BACK, AT_HOME, HOME = "protected back", "failed back", "committed at home"
FAILED = "failover failed"
_AWAY = rest.Failover(machines=(NAME,), choice=RecoveryPointChoice.LATEST, shut_down_source=True)
WAYS = {
    PROTECTED: (Verb.FAILOVER, _AWAY),
    AWAY: (Verb.COMMIT, rest.Commit(machines=(NAME,))),
    COMMITTED: (Verb.REPROTECT, rest.Reprotect(machines=(NAME,))),
    BACK: (Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,))),
    AT_HOME: (Verb.COMMIT, rest.Commit(machines=(NAME,))),
    HOME: (Verb.REPROTECT, rest.Reprotect(machines=(NAME,))),
    FAILED: (Verb.FAILOVER, _AWAY),
}
"""The way round, state by state: what is asked for in each."""
STATES = tuple(name for name in WAYS if name != FAILED)
_NAMED = {
    (State.PROTECTED, "a"): PROTECTED,
    (State.FAILED_OVER, "b"): AWAY,
    (State.PLANNED_FAILED_OVER, "b"): AWAY,
    (State.COMMITTED, "b"): COMMITTED,
    (State.PROTECTED, "b"): BACK,
    (State.FAILED_OVER, "a"): AT_HOME,
    (State.PLANNED_FAILED_OVER, "a"): AT_HOME,
    (State.COMMITTED, "a"): HOME,
}
_WAITING_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Seen:
    """Of a guest."""

    site: str
    boots: int
    record: int


def _last(boot):
    """Its last record."""
    return boot.last_record or boot.verified_last or 0


class Life:
    """Of a machine that its owner made at site a, and that starts with its host there."""

    def __init__(self, rig: Installed):
        self.rig = rig

    def begin(self, **traits):
        """Protected from a to b, with a point; `traits` as of make_guest."""
        self.rig.open()
        with self.rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        self.make(NAME, **traits)
        self.rig.must(Verb.ENABLE_PROTECTION, protection(NAME))
        self.rig.new_points(NAME)
        return self

    def by_hand(self):
        """Nothing follows a commit by itself: each state is one that it can be in for long."""
        with self.rig.client() as vault:
            vault.pairs.set("a", "b", reverse_after_commit=False)

    def make(self, name, **traits):
        traits = {"workload": guestkit.Workload(records_per_second=5), **traits}
        guest = self.rig.make_guest(name, **traits)
        self.rig.virsh("a", "autostart", name)
        guest.console.wait_for(lambda seen: seen.last_record >= 3, within_seconds=_WAITING_SECONDS)

    # ---- its way round
    # -----------------------------------------------------------------------------------------------

    def state(self):
        """By its name here; None while a job has it."""
        found = self.rig.machine(NAME)
        state = State(found.state)
        return FAILED if state is State.FAILOVER_FAILED else _NAMED.get((state, found.active_site))

    def go_to(self, wanted):
        """By as many verbs as it takes; no drill is left."""
        eventually(self.state, _WAITING_SECONDS)
        self.clean_up()
        for _ in WAYS:
            if self.state() == wanted:
                return self
            self.step()
        raise AssertionError(f"there is no way to '{wanted}' from '{self.state()}'")

    def step(self):
        """The next verb of the way round."""
        state = self.state()
        if state in (PROTECTED, BACK):
            self.rig.new_points(NAME, within_seconds=_WAITING_SECONDS)
        self.rig.must(*WAYS[state])
        self.lives()

    def clean_up(self):
        if self.rig.machine(NAME).drill.state != "none":
            self.rig.must(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=(NAME,)))

    # ---- what is asked of it
    # -----------------------------------------------------------------------------------------

    def seen(self):
        """Where its guest runs, in which boot, and the last record that it told as flushed."""
        site = self.rig.machine(NAME).active_site
        boots = self.rig.console(site, NAME).boots
        return Seen(site, len(boots), _last(boots[-1]))

    def survives(self, host):
        """That host's power is cut and comes back: all that is promised of the machine holds by itself."""
        before = self.seen()
        self.reboot(host)
        self.is_well(before)

    def reboot(self, host):
        self.rig.hosts[host].reboot()
        self.rig.wait_connected(within_seconds=_WAITING_SECONDS)

    def is_well(self, before):
        """It lives; what should be replicated is; nothing needs somebody now."""
        self.lives(before)
        if self.state() in (PROTECTED, BACK):
            self.rig.new_points(NAME, within_seconds=_WAITING_SECONDS)
        eventually(self.nothing_is_critical, _WAITING_SECONDS)

    def lives(self, before=None):
        """It runs where the vault says and nowhere else; its guest writes on, and has all that it had
        written `before`."""
        site = eventually(lambda: self.state() and self.rig.machine(NAME).active_site, _WAITING_SECONDS)
        eventually(lambda: len(self.rig.qemus(NAME)) == 1, _WAITING_SECONDS)
        (qemu,) = self.rig.qemus(NAME)
        assert qemu in self.rig.hosts[site].pids(), f"{NAME} does not run at {site}"
        console = self.rig.console(site, NAME)
        eventually(lambda: console.boots, _WAITING_SECONDS)
        now = (len(console.boots), _last(console.boots[-1]))
        console.wait_for(lambda seen: (len(seen.boots), _last(seen.boots[-1])) > now, _WAITING_SECONDS)
        boot = console.wait_for_boot(len(console.boots), _WAITING_SECONDS)
        assert boot.complaints == (), boot
        if before is not None and (site, len(console.boots)) != (before.site, before.boots):
            assert boot.verified_last >= before.record, (
                f"{before}, and verified at {site}: {boot.verified_last}"
            )

    def nothing_is_critical(self):
        with self.rig.client() as vault:
            machines = list(vault.machines.list())
            found = [each for machine in machines for each in vault.machines[machine.name].show().findings]
        return not [each for each in found if each.severity == "critical"]


def protection(*names):
    return rest.EnableProtection(machines=names, source_site="a", target_site="b", policy="quick")


@contextlib.contextmanager
def slowly(rig, *sites, bytes_per_second):
    """These sites send no faster."""
    with rig.client() as vault:
        for site in sites:
            vault.sites[site].limit(bytes_per_second)
    try:
        yield
    finally:
        with rig.client() as vault:
            for site in sites:
                vault.sites[site].limit()
