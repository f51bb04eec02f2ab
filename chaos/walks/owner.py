"""What a site's owner does to machines with tools of their own, without asking us."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from chaos.walks.disks import Disks
from chaos.walks.episode import LOOK_SECONDS, Episode
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import MachineSummary, Power, PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.fabrics.simulated.host.records import MachineRecord

VETO_SECONDS = 15.0
NAMESAKE = "Another machine at this site has the "
FOREIGN_MARK = "carries the mark of another protection"


@dataclass(slots=True)
class Owner:
    """Of both sites."""

    on: Episode
    disks: Disks
    undefined: list[tuple[str, MachineRecord]] = field(default_factory=list)

    def act(self) -> str:
        """Something, to any copy; what was done."""
        acts = (
            self.start,
            self.start,
            self.stop,
            self.save,
            self.undefine,
            self.autostart,
            self.start_anyway,
        )
        found = self.on.ledger.machines()
        if self.on.chance.random() < 0.4 and (undone := self.disks.undo()):
            return undone
        if self.undefined and self.on.chance.random() < 0.5:
            return self._define_again()
        if not found:
            return "nothing is there"
        site, machine = self.on.chance.choice(found)
        if self.on.chance.random() < 0.4:
            return self.disks.act(site, machine)
        return self.on.chance.choice(acts)(site, machine)

    def switch_on(self) -> str:
        """Production, where it belongs: nothing may be in its way."""
        self.disks.undo()
        active = self.on.active_site()
        there = [found for found in self.on.ledger.machines() if found[0] == active]
        if not there:
            return self._define_again() if self.undefined else f"nothing is defined at {active}"
        return self.start(*there[0])

    def start(self, site: str, machine: MachineSummary) -> str:
        copies = len(self.on.ledger.running()) + len(self.disks.away)
        if copies and (machine.tag is None or not self.on.machine_is_protected()):
            return "left alone: it is not ours, and runs already"
        try:
            self._power(site).start(machine.fabric_id)
        except errors.SecondsiteError as error:
            return f"start at {site}: {error.message}"
        return f"started at {site}"

    def start_anyway(self, site: str, machine: MachineSummary) -> str:
        """Ends the veto first. A second copy is then this person's deed, and has to be told of."""
        if machine.tag is None and self.on.ledger.running():
            return "left alone: it is not ours, and another one runs"
        active = self.on.active_site()
        if site != active and active not in {at for at, _ in self.on.ledger.running()}:
            # the ledger knows one history, and that is production's
            return "left alone: production is off"
        self.on.ledger.pardon = f"the owner started the copy at {site}"
        host = self._host(site)
        with host.records.lock(machine.fabric_id, "start anyway"):
            host.records.save(host.records.need(machine.fabric_id).having(start_forbidden=False))
        try:
            self._power(site).start(machine.fabric_id)
        except errors.SecondsiteError as error:
            return f"start anyway at {site}: {error.message}"
        return f"started at {site} in spite of the veto"

    def stop(self, site: str, machine: MachineSummary) -> str:
        self._power(site).stop(machine.fabric_id)
        return f"switched off at {site}"

    def save(self, site: str, machine: MachineSummary) -> str:
        if machine.power is not PowerState.RUNNING:
            return "it does not run"
        simulated.save(self._root(site), machine.fabric_id)
        return f"saved at {site}"

    def undefine(self, site: str, machine: MachineSummary) -> str:
        self._power(site).stop(machine.fabric_id)
        host = self._host(site)
        with host.records.lock(machine.fabric_id, "undefine"):
            self.undefined.append((site, host.records.need(machine.fabric_id)))
            host.records.delete(machine.fabric_id)
        return f"undefined at {site}"

    def autostart(self, site: str, machine: MachineSummary) -> str:
        """What is forbidden to start is left alone, and so is an old copy whose protection has ended."""
        if self._host(site).records.need(machine.fabric_id).start_forbidden:
            return "it must not start"
        ours = machine.tag is not None and self.on.machine_is_protected()
        if not ours and site != self.on.active_site():
            return "left alone: production is elsewhere"
        on = self.on.chance.random() < 0.7
        simulated.set_autostart(self._root(site), machine.fabric_id, on)
        return f"autostart {'on' if on else 'off'} at {site}"

    def follow_advice(self, problem: str) -> str:
        """As a person would who reads what is in the way; '' if that is for nobody but us."""
        if not self.can_follow(problem):
            return ""
        if NAMESAKE in problem:
            return self._remove_what_was_left()
        return self._take_the_mark_off()

    def can_follow(self, problem: str) -> bool:
        """Whether it says what a person shall do."""
        return not self.on.machine_is_protected() and (NAMESAKE in problem or FOREIGN_MARK in problem)

    def _remove_what_was_left(self) -> str:
        """The copy that an earlier protection left at the other site, where its name is in the way."""
        active = self.on.active_site()
        left = [found for found in self.on.ledger.machines() if found[0] != active]
        for site, machine in left:
            self._power(site).stop(machine.fabric_id)  # it may have come back from another host
            self._host(site).records.delete(machine.fabric_id)
        return "removed the other copy, as was advised"

    def _take_the_mark_off(self) -> str:
        """Of a protection that both the vault and the site's appliance forgot with their databases."""
        for site, machine in self.on.ledger.machines():
            records = self._host(site).records
            with records.lock(machine.fabric_id, "take the mark off"):
                records.save(records.need(machine.fabric_id).having(tag=None))
        return "took the mark off, as was advised"

    def _define_again(self) -> str:
        """As it was before it was undefined. If it was failed over meanwhile, its appliance forbids its
        start anew: the owner waits for that, and otherwise sees to it that its host does not start it."""
        site, record = self.undefined.pop()
        there = [machine for at, machine in self.on.ledger.machines() if at == site]
        if any(machine.name == record.definition.name for machine in there):
            return f"{site} has a machine of that name"
        self._host(site).records.save(record)
        if self.on.active_site() == site:
            return f"defined again at {site}"
        vetoed = self.on.machine_is_protected() and self._is_vetoed_soon(site, record.fabric_id)
        simulated.set_autostart(self._root(site), record.fabric_id, False)
        return f"defined again at {site}, {'' if vetoed else 'not '}vetoed"

    def _is_vetoed_soon(self, site: str, fabric_id: str) -> bool:
        deadline = time.monotonic() + VETO_SECONDS
        while time.monotonic() < deadline:
            if self._host(site).records.need(fabric_id).start_forbidden:
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _power(self, site: str) -> Power:
        return simulated.open_fabric(self._root(site)).power

    def _host(self, site: str) -> Host:
        return Host(self._root(site))

    def _root(self, site: str) -> Path:
        return self.on.rig.home(f"appliance-{site}") / "fabric"
