"""Live migrations to and fro between two installed hosts that share their machines' disks, while the machines
are copied, drilled and have common points, and while appliances are killed. Each is followed; what a point of
a guest that stands still holds is its disk, bit for bit; and nothing is copied a second time."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import guestkit
from chaos.errors import PromiseBroken
from rig import images
from rig.eventually import eventually
from rig.installed import Installed
from rig.processes import DidNotStart
from secondsite.domain.errors import NotFound, SecondsiteError
from secondsite.domain.lifecycle import State, Verb
from secondsite.ground.units import MiB
from secondsite.wire import rest

HOSTS = ("a", "a2")
NAMES = ("web01", "db01")
LATE = "late01"
POLICY = rest.PolicyCreate(
    name="quick",
    rpo_threshold_seconds=60,
    retention_seconds=3600,
    crash_consistent_every_seconds=2,
    app_consistent_every_seconds=0,
    cycle_seconds=1,
)
WORKLOAD = guestkit.Workload(records_per_second=5)
FOLLOWED_SECONDS = 120
LOOKED_AT_EVERY = 5
"""After so many migrations both disks are compared with their points."""
LOOKS = 4
PAUSED = "paused"
DISK_BYTES, FILLED_BYTES = 64 * MiB, 32 * MiB
COPIED_AGAIN_BYTES = 16 * MiB
"""More than this sent by one migration is a copy of what the target had."""
COPIED_IN = (State.INITIAL_REPLICATING, State.PROTECTED)
Say = Callable[[str], None]


@dataclass(slots=True)
class Turn:
    """One migration, in seconds: how long libvirt took, until the new appliance had the machine, and until
    there was a point of then; and the bytes that were sent meanwhile."""

    machine: str
    there: str
    beside: str
    took: float
    followed: float = 0.0
    point: float = 0.0
    sent_bytes: int = 0
    compared: bool = False


@dataclass(slots=True)
class Migrations:
    """What a run saw."""

    seed: int
    turns: list[Turn] = field(default_factory=list)
    looks: int = 0
    resumed: int = 0
    """Looks that a common point ended."""
    broken: str | None = None
    logs: dict[str, str] = field(default_factory=dict)
    """Of the services, if a promise broke."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Story:
    """Two machines, wherever they run."""

    def __init__(self, rig: Installed, seen: Migrations, say: Say) -> None:
        self.rig, self.seen, self.say = rig, seen, say
        self.dice = random.Random(seen.seed)
        self.here, self.there = HOSTS
        self.at = dict.fromkeys((*NAMES, LATE), HOSTS[0])
        self.deeds: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
            "nothing": contextlib.nullcontext,
            "drill": self.drill,
            "first copy": self.first_copy,
            "comparison": self.comparison,
            "verification": self.verification,
            "kill here": lambda: self.killed(self.here),
            "kill there": lambda: self.killed(self.there),
        }

    def begin(self) -> None:
        self.rig.open()
        self.rig.add_host(HOSTS[1])
        self.rig.give_appliance(HOSTS[1])
        self.rig.let_migrate(*HOSTS)
        with self.rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        for name in (*NAMES, LATE):
            guest = self.rig.make_guest(
                name, workload=WORKLOAD, disk_bytes=(DISK_BYTES,), filled_bytes=FILLED_BYTES
            )
            guest.console.wait_for(lambda seen: seen.last_record >= 3, within_seconds=300)
        self.rig.must(Verb.ENABLE_PROTECTION, _protection(*NAMES))
        with self.rig.client() as vault:
            vault.groups.create("shop", "a", "b", NAMES, multi_vm_every_seconds=10)

    def turn(self, number: int) -> None:
        name = NAMES[number % len(NAMES)]
        beside = self.dice.choice(sorted(self.deeds))
        self.here = self.at[name]
        (self.there,) = set(HOSTS) - {self.here}
        with self.deeds[beside]():
            turn = self.migrated(name, beside)
        self.seen.turns.append(turn)
        self.say(
            f"{number + 1}: {name} to {turn.there} beside {beside}: {turn.took:.1f} s, followed after "
            f"{turn.followed:.1f} s, point after {turn.point:.1f} s, {turn.sent_bytes / MiB:.1f} MiB"
            f"{', compared' if turn.compared else ''}"
        )
        if turn.sent_bytes > COPIED_AGAIN_BYTES:
            raise PromiseBroken(f"migration {number + 1}: {turn.sent_bytes} bytes were sent")
        if number % LOOKED_AT_EVERY == LOOKED_AT_EVERY - 1:
            for each in NAMES:
                self.look(each)

    def migrated(self, name: str, beside: str) -> Turn:
        before, began = self.sent(name), time.monotonic()
        self.rig.migrate(name, self.here, self.there)
        turn = Turn(name, self.there, beside, time.monotonic() - began)
        self.at[name] = self.there
        arrived = time.monotonic()
        for appliance in self.rig.appliances.values():
            appliance.start()
        eventually(lambda: self.is_followed(name, turn), FOLLOWED_SECONDS)
        turn.followed = time.monotonic() - arrived
        self.rig.new_points(name, within_seconds=FOLLOWED_SECONDS)
        turn.point = time.monotonic() - arrived
        turn.sent_bytes = self.sent(name) - before
        return turn

    def is_followed(self, name: str, turn: Turn) -> bool:
        machine = self.rig.machine(name)
        turn.compared = turn.compared or machine.replication.synchronization is not None
        is_there = machine.source_appliance == f"appliance-{turn.there}"
        return is_there and machine.replication.synchronization is None

    def sent(self, name: str) -> int:
        return int(self.rig.machine(name).replication.total_wire_bytes)

    def look(self, name: str) -> None:
        """A point of the machine while it stands still holds what its disk holds. A common point that has it
        paused at that moment lets it run again: libvirt keeps nothing of a second pause."""
        if not any(self.is_compared(name) for _ in range(LOOKS)):
            raise PromiseBroken(f"{name} did not stand still in {LOOKS} looks")
        self.seen.looks += 1

    def state(self, name: str) -> str:
        """As libvirt says it in English."""
        return self.rig.hosts[self.at[name]].must("env", "LC_ALL=C", "virsh", "domstate", name).strip()

    def is_compared(self, name: str) -> bool:
        """False if it ran meanwhile."""
        host = self.at[name]
        self.rig.virsh(host, "suspend", name)
        (*_, point) = self.rig.new_points(name, 2, within_seconds=FOLLOWED_SECONDS)
        folder = self.rig.replica_folder("b", self.rig.machine(name).id)
        held = {"vda": images.digest(self.rig.guests[name].disks[0])}
        found = images.point_digests(folder, point.id)
        if self.state(name) != PAUSED:
            self.seen.resumed += 1
            return False
        self.rig.virsh(host, "resume", name)
        if found != held:
            raise PromiseBroken(f"point {point.id} of {name} is not what its disk held")
        return True

    # ---- what goes on beside a migration
    # -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def drill(self) -> Iterator[None]:
        name = self.dice.choice(NAMES)
        self.rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=(name,)))
        yield
        self.rig.must(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=(name,)))

    @contextlib.contextmanager
    def first_copy(self) -> Iterator[None]:
        """Of a third machine, which is migrated meanwhile, too."""
        with self.rig.client() as vault:
            job = vault.machines[LATE].enable_protection("a", "b", policy=POLICY.name)
            eventually(self.is_copied, FOLLOWED_SECONDS)
            here = self.at[LATE]
            (there,) = set(HOSTS) - {here}
            self.rig.migrate(LATE, here, there)
            self.at[LATE] = there
            yield
            job.wait()
            self.rig.must(Verb.DISABLE_PROTECTION, rest.DisableProtection(machines=(LATE,)))

    def is_copied(self) -> bool:
        with contextlib.suppress(NotFound):
            return self.rig.machine(LATE).state in COPIED_IN
        return False

    @contextlib.contextmanager
    def comparison(self) -> Iterator[None]:
        """If the machine leaves in the first moment of it, the job fails and says so."""
        with self.rig.client() as vault:
            job = vault.machines[self.dice.choice(NAMES)].resynchronize()
            yield
            job.wait(must_succeed=False)

    @contextlib.contextmanager
    def verification(self) -> Iterator[None]:
        name = self.dice.choice(NAMES)
        self.rig.cli("point", "verify", name, self.rig.points(name)[-1].id, "--no-wait")
        yield

    @contextlib.contextmanager
    def killed(self, host: str) -> Iterator[None]:
        """It is started again at once, as systemd does: until then its view stays open."""
        self.rig.appliances[host].kill()
        self.rig.appliances[host].start()
        yield


def _protection(*names: str) -> rest.EnableProtection:
    return rest.EnableProtection(machines=names, source_site="a", target_site="b", policy=POLICY.name)


def run(count: int, seed: int, within_seconds: float, say: Say) -> Migrations:
    """So many migrations, or as many as the time allows."""
    seen, end = Migrations(seed), time.monotonic() + within_seconds
    with Installed(shares="a") as rig:
        story = Story(rig, seen, say)
        story.begin()
        try:
            for number in range(count):
                if time.monotonic() > end:
                    break
                story.turn(number)
            for name in NAMES:
                story.look(name)
        except (PromiseBroken, AssertionError, SecondsiteError, DidNotStart) as broken:
            seen.broken = f"{type(broken).__name__}: {broken}"
            seen.logs = rig.logs()
    return seen


def summary(seen: Migrations) -> str:
    """The figures, in words."""
    if not seen.turns:
        return "no migration"
    followed = sorted(turn.followed for turn in seen.turns)
    points = sorted(turn.point for turn in seen.turns)
    beside = Counter(turn.beside for turn in seen.turns)
    return (
        f"{len(seen.turns)} migrations, {seen.looks} points compared; followed after "
        f"{followed[len(followed) // 2]:.1f} s ({followed[-1]:.1f}), a point after "
        f"{points[len(points) // 2]:.1f} s ({points[-1]:.1f}); "
        f"{sum(turn.compared for turn in seen.turns)} compared; beside {dict(beside)}"
    )
