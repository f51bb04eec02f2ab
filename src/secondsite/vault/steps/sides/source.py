"""The side where the machine runs. Its site may be the one that failed: the short deadlines are
deliberate."""

from ....domain import errors
from ....ground.units import HOUR
from ....jobs.model.context import StepContext
from ....wire.common.machines import MachineDefinition, NetworkInfo
from ....wire.control import checks, orders, setups
from ....wire.control.orders import CycleFact, Nothing, PowerFact
from ...store import MachineRecord, Transaction
from .. import lookup
from .orders import USUAL, Answer, Limits, Orders
from .side import Ask, Side

SHUT_DOWN_GRACE_SECONDS = 60.0
DEAD_SITE_SECONDS = 5.0
TOLD_IN_PASSING = Limits(deadline_seconds=10, reach_seconds=1)
ASKED_IN_PASSING = Limits(deadline_seconds=60, reach_seconds=15)
PATIENT_REACH_SECONDS = 60.0
PATIENT = Limits(deadline_seconds=300)
"""For a machine whose agent is away: its appliance waits for four minutes."""
FINAL = Limits(deadline_seconds=HOUR, reach_seconds=PATIENT_REACH_SECONDS)
URGENT_REACH_SECONDS = 3 * DEAD_SITE_SECONDS
URGENT_FINAL = Limits(deadline_seconds=600, reach_seconds=URGENT_REACH_SECONDS, stuck_seconds=120)
"""How long an unplanned failover waits for the final changes: without progress, and in total."""


class Source(Side):
    """Orders to the appliance at the source of a machine; see Side."""

    def __init__(self, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
        super().__init__(give, ctx, machine, machine.source_appliance_id, machine.source_site)

    def discover(self) -> MachineDefinition:
        """The machine's present definition at its site; raises NotFound."""
        machine = self.machine
        why = f"looking at {machine.name} at {machine.source_site}"
        only = orders.Discover(machine=machine.source_fabric_id)
        inventory = self.give(orders.DISCOVER, only, why).facts
        return lookup.find_machine(inventory, machine.source_fabric_id, machine.source_site).definition

    def networks(self) -> tuple[NetworkInfo, ...]:
        """The networks of its site, if it answers at once: raises ApplianceUnreachable after a second."""
        why = f"looking at the networks of {self.machine.source_site}"
        return self.give(orders.DISCOVER, orders.Discover(), why, TOLD_IN_PASSING).facts.networks

    def check(
        self, disks: tuple[str, ...], peer_addresses: tuple[str, ...] = ()
    ) -> Answer[checks.SourceCheckFact]:
        """Check whether these disks can be replicated from here, to that peer if one is given."""
        payload = checks.CheckSource(
            fabric_id=self.machine.source_fabric_id, disks=disks, peer_addresses=peer_addresses
        )
        why = f"checking {self.machine.name} at {self.machine.source_site}"
        return self.give(orders.CHECK_SOURCE, payload, why)

    def start_replication(self, setup: setups.SourceSetup) -> Answer[Nothing]:
        """Start replication: the appliance replicates by itself from now on."""
        return self.give(
            orders.START_REPLICATION, setup, f"starting replication at {self.machine.source_site}"
        )

    def stop_replication(self) -> Answer[Nothing]:
        return self.ask(self.to_stop_replication())

    def to_stop_replication(self) -> Ask[orders.StopReplication, Nothing]:
        """Stop replication for good; checkpoints, bitmaps and the tag are removed."""
        why = f"stopping replication at {self.machine.source_site}"
        return Ask(orders.STOP_REPLICATION, orders.StopReplication(forget=True), why)

    def to_end_protection(
        self, *, given_up: bool = False, keep_later_than: int | None = None, copy_is_off: bool = False
    ) -> Ask[orders.StopReplication, Nothing]:
        """Stop replication and remove everything of the machine's protection at its site, except, with
        `keep_later_than`, points of a later epoch, because no copy was seen at the other site. `given_up`:
        the machine was failed over, so what is there is an old copy, and nobody has looked at it.
        `copy_is_off`: it was failed over, but runs there, and its copy is off or lost."""
        payload = orders.StopReplication(
            forget=True,
            ended=True,
            restore_machine=not self.machine.is_away,
            given_up=given_up,
            copy_is_off=copy_is_off,
            keep_later_than=keep_later_than,
            fabric_id=self.machine.source_fabric_id,
        )
        return Ask(orders.STOP_REPLICATION, payload, f"stopping replication at {self.machine.source_site}")

    def to_remove_left_replica(self) -> Ask[orders.RemoveReplica, Nothing]:
        """Remove the replica that was left: the machine is replicated to another appliance now."""
        why = f"removing the replica that was left at {self.machine.source_site}"
        return Ask(orders.REMOVE_REPLICA, orders.RemoveReplica(), why, Limits(deadline_seconds=10 * 60))

    def resynchronize(self) -> Answer[Nothing]:
        """Start comparing all blocks."""
        return self.give(orders.RESYNCHRONIZE, Nothing(), f"starting to compare {self.machine.name}")

    def power(
        self,
        limits: Limits = USUAL,
        *,
        tell_addresses: bool = False,
        leaves: bool = False,
        comes_back: bool = False,
        patient: bool = False,
    ) -> Answer[PowerFact]:
        """The machine's power state; if asked for, also the addresses that its guest reports, and what would
        prevent its shutdown, or its start. `patient`: one that is away for a while is waited for."""
        why = f"asking {self.machine.source_site} whether {self.machine.name} runs"
        payload = orders.FabricMachine(
            fabric_id=self.machine.source_fabric_id,
            tell_addresses=tell_addresses,
            leaves=leaves,
            comes_back=comes_back,
            patient=patient,
        )
        return self.give(orders.POWER, payload, why, PATIENT if patient else limits)

    def pre_copy(self, until_seconds: float | None = None, *, again: bool = False) -> Answer[CycleFact]:
        """Send changes while the machine runs, until the rest is small, or was sent in so many seconds."""
        limits = Limits(deadline_seconds=12 * HOUR, reach_seconds=PATIENT_REACH_SECONDS)
        return self.give(
            orders.PRE_COPY,
            orders.PreCopy(until_seconds=until_seconds),
            f"copying changes while {self.machine.name} runs",
            limits,
            again=again,
        )

    def shut_down(self, *, force: bool, reach_seconds: float) -> Answer[PowerFact]:
        """Shut the machine down; `force` cuts its power when the time for that is over."""
        payload = orders.ShutDown(
            fabric_id=self.machine.source_fabric_id, grace_seconds=SHUT_DOWN_GRACE_SECONDS, force=force
        )
        limits = Limits(deadline_seconds=SHUT_DOWN_GRACE_SECONDS * 2, reach_seconds=reach_seconds)
        why = f"shutting down {self.machine.name} at {self.machine.source_site}"
        return self.give(orders.SHUT_DOWN, payload, why, limits)

    def final_cycle(
        self, limits: Limits = FINAL, set_id: str | None = None, *, again: bool = False
    ) -> Answer[CycleFact]:
        """Send the last changes of a machine that is off; nothing is left behind after it. Its point belongs
        to the common point `set_id`, if that is given."""
        why = f"sending the last changes of {self.machine.name}"
        return self.give(
            orders.RUN_CYCLE, orders.RunCycle(final=True, set_id=set_id), why, limits, again=again
        )

    def pause_if_reachable(self) -> str:
        """Ask the source to pause its loop; gives a sentence about the outcome. A source that does not answer
        within seconds is not needed: the closed replica refuses its cycles."""
        site = self.machine.source_site
        try:
            why = f"pausing replication at {site}"
            return self.give(orders.PAUSE_REPLICATION, Nothing(), why, TOLD_IN_PASSING).sentence
        except errors.SecondsiteError as error:
            return f"the source at {site} was not told ({error.message.rstrip('.')}); its cycles are refused"

    def restart(self, *, start: bool = True) -> Answer[PowerFact]:
        """Start the source's own machine and its replication loop again; or the loop alone."""
        payload = orders.Restart(fabric_id=self.machine.source_fabric_id, start=start)
        doing = "starting" if start else "replicating"
        why = f"{doing} {self.machine.name} at {self.machine.source_site} again"
        return self.give(orders.RESTART, payload, why, Limits(deadline_seconds=600))

    @property
    def is_copy(self) -> bool:
        """Whether what is there was made from a replica, away from home, and no commit has removed it."""
        return self.machine.is_away and not self.machine.reversed

    def withdraw(self, *, stays: bool = False) -> Answer[Nothing]:
        """Shut the old machine down and take its definition away; its disks stay. See `to_withdraw`."""
        if self.is_copy:
            return self.ask(self.to_remove_machine(stays=stays))
        return self.ask(self.to_withdraw(stays=stays))

    def to_withdraw(self, *, left: bool = False, stays: bool = False) -> Ask[orders.Withdraw, Nothing]:
        """Shut the old machine down and withdraw it, so that its disks can be a replica; or because the
        machine has `left` for another appliance. `stays`: it goes on to a further site, and what is defined
        of it here later must not start."""
        payload = orders.Withdraw(
            fabric_id=self.machine.source_fabric_id, disks=self.machine.disks, left=left, stays=stays
        )
        why = f"shutting down the old {self.machine.name} at {self.machine.source_site}"
        return Ask(orders.WITHDRAW, payload, why, Limits(deadline_seconds=300))

    def to_define_again(self) -> Ask[orders.RemoveReplica, Nothing]:
        """Define the old machine that was withdrawn again, off, and not allowed to start."""
        payload = orders.RemoveReplica(
            restore_machine=True,
            still_protected=True,
            fabric_id=self.machine.source_fabric_id,
            made_by=self.job_id,
        )
        why = f"defining the old {self.machine.name} at {self.machine.source_site} again"
        return Ask(orders.REMOVE_REPLICA, payload, why)

    def to_remove_machine(self, *, stays: bool = False) -> Ask[orders.RemoveMachine, Nothing]:
        """Remove the machine at the site that was left; its disks stay. `stays`: see `to_withdraw`."""
        payload = orders.RemoveMachine(
            fabric_id=self.machine.source_fabric_id, disks=self.machine.disks, stays=stays
        )
        return Ask(
            orders.REMOVE_MACHINE, payload, f"removing {self.machine.name} at {self.machine.source_site}"
        )


def left_behind(tx: Transaction, machine: MachineRecord) -> str:
    """What is lost without the last changes, as far as the vault knows."""
    source = tx.statuses.without_points(machine.id).source
    arrived = source.sent_at if source and source.epoch == machine.epoch else None
    since = f"{arrived:%H:%M:%S} UTC" if arrived else "the newest recovery point"
    return (
        f"What {machine.name} wrote after {since} is missing at {machine.target_site}; its old disks at "
        f"{machine.source_site} hold it until it is reprotected."
    )
