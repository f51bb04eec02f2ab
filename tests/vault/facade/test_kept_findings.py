"""Whatever happens, a machine is answered as it would be by a vault that remembers nothing.

Random steps on two vaults of one process; after each of them all answers are compared with what is found
anew.
"""

import dataclasses
import os
import random
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from secondsite.domain.lifecycle import State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.storage import database
from secondsite.vault.facade.callers import THE_VAULT
from secondsite.vault.facade.nouns.glance import looking
from secondsite.vault.facade.nouns.glance.boards import Boards
from secondsite.vault.facade.nouns.glance.looking import Looked
from secondsite.vault.facade.nouns.machines import Machines
from secondsite.vault.facade.parts import Parts
from secondsite.vault.facade.shared import machine_rows, machine_shapes
from secondsite.vault.health import findings
from secondsite.vault.health.findings import CA_TOLD_BEFORE, LEFT_WHEN_LATE, Situation
from secondsite.vault.store import ApplianceRecord, SiteRecord, Store, WarnedRecord, migrate
from secondsite.wire import rest
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control import Hello, Status, changes
from secondsite.wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from secondsite.wire.rest.glance.machine_rows import MachineRow
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake

STEPS = 400
IDS = ("id0", "id1")
POLICIES = ("default", "other")
SIDES = ("a", "b")
POWERS = ("running", "paused", "elsewhere", "off", "unheard-of")
HAIR = timedelta(microseconds=1)
LIFETIME = timedelta(days=90)


class World:
    """A vault without a process, and what may happen to it: each method with a short name is a step."""

    def __init__(self, path, chance: random.Random) -> None:
        migrate(f"sqlite:///{path}")
        self.db = database.connect(f"sqlite:///{path}")
        self.store, self.chance, self.now = Store(self.db), chance, NOW
        self.authority = SimpleNamespace(appliance_lifetime=LIFETIME, ends_at=NOW + timedelta(days=400))
        self.looked = Looked()
        self.said: dict[tuple[str, str], SourceStatus | ReplicaStatus] = {}
        with self.store.transaction() as tx:
            for site in SIDES:
                tx.sites.add(SiteRecord(site, NOW))
            for policy in POLICIES:
                tx.policies.put(ReplicationPolicy(policy))
            for each in IDS:
                tx.machines.add(machine(each, each))
        for side in SIDES:
            self.enroll(side)
        self.restart()

    @property
    def parts(self) -> Parts:
        parts = SimpleNamespace(
            store=self.store, facts=self.facts, authority=self.authority, now=self.clock, caller=THE_VAULT,
            names=lambda *_machine: None, deps=SimpleNamespace(drill_counts=timedelta(days=90)),
        )  # fmt: skip
        return cast(Parts, parts)

    @property
    def machines(self) -> Machines:
        return Machines(self.parts, cast(Boards, None))

    def rows(self) -> dict[str, MachineRow]:
        """Those of the board, by id, after a look at everything."""
        with self.store.reading() as tx:
            looking.look_at_all(self.looked, self.parts, tx)
        return {each.id: each for each in self.looked.board.rows()}

    def clock(self):
        return self.now

    def step(self) -> str:
        name = self.chance.choice(HAPPENS)
        getattr(self, name)(self.chance.choice(SIDES)) if name in OF_A_SIDE else getattr(self, name)()
        return name

    def tick(self):
        self.now += timedelta(seconds=self.chance.choice((0.001, 1, 30, 61)))

    def set_clock(self):
        self.now += timedelta(days=self.chance.choice((-100, -27, -1, 1, 27, 64, 300)))
        if abs(self.now - NOW) > timedelta(days=1000):
            self.now = NOW

    def come_to_a_turn(self):
        with self.store.reading() as tx:
            ends = [each.certificate_expires_at - LIFETIME * LEFT_WHEN_LATE for each in tx.appliances.list()]
        points = [
            each.taken_at
            for said in self.said.values()
            if isinstance(said, ReplicaStatus)
            for each in said.points
        ]
        turns = [
            self.authority.ends_at - CA_TOLD_BEFORE,
            *ends,
            *(each + timedelta(seconds=60) for each in points),
        ]
        self.now = self.chance.choice(turns) + HAIR * self.chance.choice((-1, 0, 1))

    def restart(self):
        self.facts = Intake(self.store, lambda _signal: None, self.clock)
        self.facts.start()

    def enroll(self, side):
        ends_at = self.now + timedelta(days=self.chance.choice((90, 28, 27, -1)))
        record = ApplianceRecord(f"appliance-{side}", side, side, self.now, ends_at, None, connected=False)
        with self.store.transaction() as tx:
            tx.appliances.put(record)

    def delete(self, side):
        with self.store.transaction() as tx:
            tx.appliances.remove(f"appliance-{side}")

    def connect(self, side):
        self.facts.connected(
            Hello(
                appliance_id=f"appliance-{side}", site=side, version="1", fabric_kind="simulated",
                accelerated=False, data_addresses=(), says_changes=True,
            )
        )  # fmt: skip

    def disconnect(self, side):
        self.facts.disconnected(f"appliance-{side}")

    def hear_nothing_new(self, side):
        self.tick()
        self.hear(side)

    def hear_again(self, side):
        self.hear(side, sources=[self.said[key] for key in self.said if key[1] == "source"][:1])

    def hear_of_a_source(self, side):
        one, choose = self.chance.choice(IDS), self.chance.choice
        found = (
            FindingShape(code=choose(("clock-skew", "unheard-of")), what="It is.", since=self.about_now()),
        )
        said = source_status(
            one, epoch=choose((0, 1, 1, 2)), power=choose(POWERS), sent_at=choose((None, self.about_now())),
            findings=choose(((), found)),
        )  # fmt: skip
        self.said[one, "source"] = said
        self.hear(side, sources=[said])

    def hear_of_a_replica(self, side):
        one, choose = self.chance.choice(IDS), self.chance.choice
        points = [
            point(seq, now=self.about_now(), committed=choose((True, False)))
            for seq in range(choose((0, 1, 3)))
        ]
        said = replica_status(
            one, points, epoch=choose((0, 1, 1, 2)), runs=choose(((), ("failover",), ("drill",)))
        )
        self.said[one, "replica"] = said
        self.hear(side, replicas=[said])

    def hear_figures(self, side):
        """As after a cycle in which nothing else has changed."""
        told = [changes.figures(self.after_a_cycle(each)) for each in self.said.values()]
        sources = [each for each in told if isinstance(each, changes.SourceFigures)]
        replicas = [each for each in told if isinstance(each, changes.ReplicaFigures)]
        self.hear(side, source_figures=sources, replica_figures=replicas)

    def after_a_cycle(self, said):
        choose = self.chance.choice
        at, seq = choose((None, self.about_now())), choose((None, 1, 9))
        if isinstance(said, SourceStatus):
            fraction = choose((None, 0.5))
            return said.model_copy(update={"sent_at": at, "last_seq": seq, "sync_fraction": fraction})
        stored = choose((0, 12345, 12346))
        return said.model_copy(update={"processed_at": at, "processed_seq": seq, "store_bytes": stored})

    def hear_of_an_old_copy(self, side):
        copies = [OldCopyStatus(machine_id=self.chance.choice(IDS), power=self.chance.choice(POWERS))]
        self.hear(side, old_copies=copies)

    def change_a_policy(self):
        seconds = self.chance.choice((60, 3600, 86400))
        with self.store.transaction() as tx:
            tx.policies.put(ReplicationPolicy(self.chance.choice(POLICIES), rpo_threshold_seconds=seconds))

    def change_a_machine(self):
        choose = self.chance.choice
        changes: dict[str, Any] = choose(
            (
                {"state": choose(list(State))},
                {"state": State.PROTECTED, "epoch": 1},
                {"state": State.FAILED_OVER, "epoch": 1, "failed_over_at": self.about_now()},
                {"failed_over_at": choose((None, self.about_now()))},
                {"policy": choose(POLICIES)},
                {"warned": choose((None, WarnedRecord(at=self.now, sentences=("It is odd.",))))},
            )
        )
        with self.store.transaction() as tx:
            tx.machines.put(dataclasses.replace(tx.machines.get(choose(IDS)), **changes))

    def fail_over_while_its_source_is_heard(self):
        """Its source was seen before it was failed over, and is seen again."""
        self.connect("a")
        one = self.chance.choice(IDS)
        with self.store.transaction() as tx:
            failed: dict[str, Any] = {"state": State.FAILED_OVER, "epoch": 1, "failed_over_at": self.now}
            tx.machines.put(dataclasses.replace(tx.machines.get(one), **failed))
        said = self.said[one, "source"] = source_status(one, power=self.chance.choice(POWERS))
        self.facts.status("appliance-a", Status(at=self.now, sources=[said]))
        self.machines.list()
        self.tick()
        self.facts.status("appliance-a", Status(at=self.now))

    def rotate_the_ca(self):
        self.authority.ends_at = self.now + timedelta(days=self.chance.choice((7300, 91, 90, -1)))

    def hear(self, side, **said):
        at = self.chance.choice((None, self.now, self.now + timedelta(seconds=11)))
        self.facts.status(f"appliance-{side}", Status(at=at, **said))

    def about_now(self):
        return self.now + timedelta(seconds=self.chance.choice((-86400, -60, -1, 0, 5)))

    def found_anew(self, one: str) -> tuple[rest.Machine, MachineRow]:
        """In a transaction that writes: it is given nothing that was read before."""
        with self.store.transaction() as tx:
            record = tx.machines.get(one)
            situation = Situation(
                machine=record, status=self.facts.latest(tx, one), policy=tx.policies.find(record.policy),
                source=tx.appliances.find(record.source_appliance_id),
                target=tx.appliances.find(record.target_appliance_id),
                certificate_lifetime=LIFETIME, ca_ends_at=self.authority.ends_at,
                listens_since=self.facts.listens_since,
                seen_generation=tx.statuses.generation(one), missed_since=self.facts.missed_since(one),
            )  # fmt: skip
        row = machine_rows.row(situation, findings.findings(situation, self.now))
        return machine_shapes.protected(situation, (), self.now), row


OF_A_SIDE = (
    "enroll", "delete", "connect", "disconnect", "hear_nothing_new", "hear_again", "hear_of_a_source",
    "hear_of_a_replica", "hear_of_an_old_copy", "hear_figures",
)  # fmt: skip
HAPPENS = (
    *OF_A_SIDE, "hear_figures", "hear_figures", "tick", "tick", "set_clock", "come_to_a_turn", "restart",
    "change_a_policy", "change_a_machine",
    "change_a_machine", "fail_over_while_its_source_is_heard", "hear_nothing_new", "hear_nothing_new",
    "rotate_the_ca",
)  # fmt: skip


@pytest.mark.slow
def test_what_is_kept_is_what_would_be_found_anew(tmp_path):
    seed = int(os.environ.get("SECONDSITE_SEED") or random.SystemRandom().randrange(2**32))
    chance, steps = random.Random(seed), []
    worlds = [World(tmp_path / f"{each}.db", chance) for each in "xy"]
    for _ in range(STEPS):
        steps.append(chance.choice(worlds).step())
        for world in worlds:
            rows = world.rows()
            page = rest.MachinePage.model_validate_json(world.machines.list())
            assert {each.id for each in page.items} == rows.keys() == set(IDS)
            for each in page.items:
                told = (
                    f"SECONDSITE_SEED={seed}, after {len(steps)} steps, the last of which were {steps[-5:]}"
                )
                assert (each, rows[each.id]) == world.found_anew(each.id), told
                assert rest.Machine.model_validate_json(world.machines.show(each.id)) == each, told
    for world in worlds:
        world.db.dispose()
