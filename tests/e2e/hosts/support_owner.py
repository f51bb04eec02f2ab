"""A walk in which the owner of a machine acts with libvirt between and during the product's verbs. After each step: no guest is hurt, nothing of
the owner's is lost, what failed left the machine as it was, and some verb leads on."""

import contextlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import libvirt

from rig.eventually import eventually
from secondsite.domain.lifecycle import State, Verb
from secondsite.wire import rest

NAME = "web01"
STANDS = {"pause", "managed save", "save to a file"}
"""After these a move is refused before anything stops."""
ASKED = {
    Verb.PLANNED_FAILOVER: rest.PlannedFailover,
    Verb.CANCEL_FAILOVER: rest.CancelFailover,
    Verb.COMMIT: rest.Commit,
    Verb.REPROTECT: rest.Reprotect,
    Verb.RESYNCHRONIZE: rest.Resynchronize,
}
WAYS = {
    State.PROTECTED: (*3 * (Verb.PLANNED_FAILOVER,), Verb.RESYNCHRONIZE),
    State.PLANNED_FAILED_OVER: (Verb.COMMIT, Verb.COMMIT, Verb.CANCEL_FAILOVER),
    State.COMMITTED: (Verb.REPROTECT,),
    State.CANCEL_FAILED: (Verb.CANCEL_FAILOVER,),
}
"""What the product is asked for in each state at rest."""


class Owner:
    """Hands of the machine's owner at both sites, with virsh."""

    def __init__(self, rig, daemons):
        self.rig = rig
        self.daemons = daemons
        self.acts: dict[str, Callable[[str], Callable[[], None]]] = {
            "nothing": lambda _: lambda: None,
            "define anew": self._define_anew,
            "undefine and define": self._undefine_and_define,
            "pause": self._pause,
            "managed save": self._managed_save,
            "save to a file": self._save,
            "snapshot": self._snapshot,
            "power cut": self._power_cut,
            "reset": self._reset,
            "limits": self._limits,
            "autostart": self._autostart,
        }

    def virsh(self, site, *words):
        done = subprocess.run(
            ["virsh", "-c", self.daemons[site].uri, *map(str, words)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"virsh {words}: {done.stderr}"
        return done.stdout

    def standing(self, site):
        """libvirt's state of the machine, its process, and whether its memory is saved; None where it is not defined."""
        connection = libvirt.open(self.daemons[site].uri)
        try:
            domain = connection.lookupByName(NAME)
            return domain.state()[0], domain.ID(), domain.hasManagedSaveImage()
        except libvirt.libvirtError:
            return None
        finally:
            connection.close()

    def is_on(self, site):
        found = self.standing(site)
        return found is not None and found[1] != -1

    def _definition(self, site):
        text = self.virsh(site, "dumpxml", NAME, "--inactive", "--security-info")
        file = self.rig.folder / f"{site}-anew.xml"
        file.write_text(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))
        return file

    def _define_anew(self, site):
        self.virsh(site, "define", self._definition(site))
        return lambda: None

    def _undefine_and_define(self, site):
        file = self._definition(site)
        self.virsh(site, "undefine", NAME, "--checkpoints-metadata")
        self.virsh(site, "define", file)
        return lambda: None

    def _pause(self, site):
        self.virsh(site, "suspend", NAME)
        return lambda: self.virsh(site, "resume", NAME)

    def _managed_save(self, site):
        self.virsh(site, "managedsave", NAME)
        return lambda: self.virsh(site, "start", NAME)

    def _save(self, site):
        file = Path("/run") / "memory"  # in the daemon's own place
        self.virsh(site, "save", NAME, file)
        return lambda: self.virsh(site, "restore", file)

    def _snapshot(self, site):
        (disk,) = [
            line.split()[0] for line in self.virsh(site, "domblklist", NAME).splitlines() if " /" in line
        ]
        with contextlib.suppress(AssertionError):  # libvirt may refuse it beside a view
            self.virsh(site, "snapshot-create-as", NAME, "--disk-only", "--no-metadata", "snap")
            self.virsh(site, "blockcommit", NAME, disk, "--active", "--pivot", "--wait")
        return lambda: None

    def _power_cut(self, site):
        self.virsh(site, "destroy", NAME)
        return lambda: self.virsh(site, "start", NAME)

    def _reset(self, site):
        self.virsh(site, "reset", NAME)
        return lambda: None

    def _limits(self, site):
        self.virsh(site, "blkdeviotune", NAME, "vda", "--total-iops-sec", 100000, "--live", "--config")
        return lambda: None

    def _autostart(self, site):
        self.virsh(site, "autostart", NAME)
        return lambda: self.virsh(site, "autostart", NAME, "--disable")


class Walk:
    def __init__(self, rig, daemons, random):
        self.rig, self.random = rig, random
        self.owner = Owner(rig, daemons)
        self.trace: list[str] = []

    def go(self, steps):
        for _ in range(steps):
            machine = self.rig.machine(NAME)
            verb = self.random.choice(WAYS[State(machine.state)])
            self.step(self.random.choice(list(self.owner.acts)), verb)
        self.come_home()

    def step(self, act, verb):
        """The owner acts, the product is asked, the owner takes back what can be taken back."""
        site = self.rig.machine(NAME).active_site
        take_back = self.owner.acts[act](site)
        before = self.owner.standing(site)
        self.trace.append(f"{act} at {site}, then {verb}")
        job = self.asked(verb)
        eventually(self.rests, 120)
        self.trace.append(f"   {job.state}: {job.problem.message if job.problem else ''}")
        self.nowhere_two()
        now = self.rig.machine(NAME).active_site
        if job.state == "failed":
            self.as_it_was(act, verb, site, before, job)
        elif act in STANDS and verb is Verb.PLANNED_FAILOVER:
            raise AssertionError(self.told("it was moved although its owner had stopped it"))
        if (now == site and self.owner.standing(site)[1:] == before[1:]) or (
            act == "autostart" and self.owner.standing(site) is not None
        ):
            take_back()
        self.lives(now)

    def asked(self, verb):
        """The job of a verb, however it ended."""
        return self.rig.run(verb, ASKED[verb](machines=(NAME,)))

    def as_it_was(self, act, verb, site, before, job):
        """Undone means as it was; and what is advised starts no second copy."""
        error = job.problem
        assert error.do, self.told("a failure says nothing to do")
        after = self.owner.standing(site)
        assert after is not None, self.told("the machine is gone")
        if act in STANDS or error.code == "prerequisite-failed":
            assert after == before, self.told(f"it was {before}, and is {after}")
        else:
            assert (after[1] != -1) == (before[1] != -1), self.told(f"it was {before}, and is {after}")

    def rests(self):
        """No job has it: what failed is undone by another one."""
        return State(self.rig.machine(NAME).state) in WAYS

    def nowhere_two(self):
        on = [site for site in self.owner.daemons if self.owner.is_on(site)]
        assert len(on) < 2, self.told("two copies run")

    def lives(self, site):
        """It runs where the vault says, its guest writes on, and misses nothing that it wrote."""
        if not self.owner.is_on(site):
            self.owner.virsh(site, "start", NAME)
        console = self.rig.guests[NAME].console if site == "a" else self.rig.console(site, NAME)
        record = console.last_record
        console.wait_for(lambda seen: seen.last_record > record, 120)
        assert console.boots[-1].complaints == (), self.told("the guest misses what it wrote")

    def come_home(self):
        """No dead end: from wherever the walk has led, the machine comes to be protected, undisturbed."""
        for _ in range(4):
            state = State(self.rig.machine(NAME).state)
            if state is State.PROTECTED:
                break
            job = self.asked(WAYS[state][0])
            assert job.state == "succeeded", self.told(f"a dead end: {job}")
        assert State(self.rig.machine(NAME).state) is State.PROTECTED, self.told("a dead end")
        eventually(lambda: self.rig.codes(NAME).keys().isdisjoint({"mark-lost", "cycle-failed"}), 90)
        self.rig.new_points(NAME)

    def told(self, what):
        return "\n".join([what, *self.trace])
