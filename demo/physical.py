"""A physical server with a database, which no hypervisor knows: enrolled, protected, drilled, lost, failed
over to a host, and brought home."""

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.story import PromiseBroken
from demo.telling import Figures, Report
from guestkit.server import Server, held_in, rows_in, starts_in
from rig.agent_sites import AgentSites
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import Consistency
from secondsite.ground import threads
from secondsite.ground.plural import counted
from secondsite.wire import rest
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.machines import DiscoveredMachine
from secondsite.wire.common.points import PointShape

MACHINE = "server"
BUILT = Path(__file__).resolve().parent.parent / ".cache"
AGENT = BUILT / "agent" / "secondsite-agent"
HOOK = Path(__file__).resolve().parent.parent / "agent" / "hooks" / "examples" / "postgresql"
KERNEL, INITRD = BUILT / "rescue" / "vmlinuz", BUILT / "rescue" / "initrd"
WORDS = "console=ttyS0 quiet no_timer_check"
HOST = "10.0.2.2"
"""This machine, as a guest with a user's network of QEMU sees it."""
BOOT_SECONDS, COPY_SECONDS = 400, 900
REGISTERS_SECONDS = 600.0
POLICY = rest.PolicyCreate(
    name="physical",
    rpo_threshold_seconds=120,
    retention_seconds=86400,
    crash_consistent_every_seconds=10,
    app_consistent_every_seconds=60,
    cycle_seconds=5,
)
FETCH = "bash -c 'exec 3<>/dev/tcp/{host}/{port}; cat <&3 >{to}' && chmod 700 {to}"
INSTALL = (
    FETCH.replace("{to}", "/root/secondsite-agent")
    + " && /root/secondsite-agent install --appliance {host}:{agents} {key}"
)
HOOKS = "/etc/secondsite-agent/hooks.d"


@dataclass(slots=True)
class PhysicalStory:
    rig: AgentSites
    report: Report
    server: Server
    at_drill: int = 0
    at_loss: int = 0
    there: int = 0
    failed_over_at: float = 0.0

    def tell(self) -> None:
        for part in (
            self.switch_on,
            self.set_up,
            self.enroll,
            self.let_the_database_rest,
            self.protect,
            self.replicate,
            self.drill,
            self.clean_up,
            self.lose_it,
            self.fail_over,
            self.let_its_agent_call,
            self.work_there,
            self.commit,
            self.rescue,
            self.reprotect,
            self.fail_back,
            self.commit_failback,
            self.move,
            self.new_machine_at_home,
            self.fail_back_to_it,
        ):
            with self.report.step(part.__name__.replace("_", " ")) as figures:
                part(figures)

    def close(self) -> None:
        self.server.cut_power()
        shutil.rmtree(self.server.folder, ignore_errors=True)

    # ---- forward
    # ---------------------------------------------------------------------------------------------------

    def switch_on(self, figures: Figures) -> None:
        self.server.switch_on()
        seconds = self.server.wait_for(b"HELD", BOOT_SECONDS)
        figures.say(
            f"a Debian with PostgreSQL on LVM over two disks boots in {seconds:.0f} s on plain hardware "
            "(AHCI, an Intel card); nothing here manages it",
            boot_seconds=seconds,
        )

    def set_up(self, figures: Figures) -> None:
        self.rig.open()
        with self.rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        figures.say("vault, a site without a hypervisor, and one with libvirt")

    def enroll(self, figures: Figures) -> None:
        with served(AGENT) as port:
            line = INSTALL.format(host=HOST, port=port, agents=self.rig.agents_port, key=self.rig.agent_key())
            status, said = self.server.run(line)
        if status:
            raise PromiseBroken(f"the agent was not installed: {said}")
        found = eventually(self._discovered, BOOT_SECONDS)
        drives = ", ".join(found.definition.drives)
        figures.say(
            f"one line in the server installed {AGENT.stat().st_size / 1e6:.1f} MB and enrolled it: "
            f"{counted(len(found.definition.disks), 'disk')}, {found.definition.firmware}, its system boots "
            f"on {drives}",
            drives=list(found.definition.drives),
        )

    def let_the_database_rest(self, figures: Figures) -> None:
        with served(HOOK) as port:
            fetch = FETCH.format(host=HOST, port=port, to=f"{HOOKS}/{HOOK.name}")
            status, said = self.server.run(f"mkdir -p {HOOKS} && {fetch}")
        if status:
            raise PromiseBroken(f"the hook did not come: {said}")
        figures.say(f"the example for PostgreSQL lies in {HOOKS}: app-consistent points, one a minute")

    def _discovered(self) -> DiscoveredMachine | None:
        with self.rig.client() as vault:
            found = vault.sites["a"].inventory().machines
        return next((each for each in found if each.name == MACHINE), None)

    def protect(self, figures: Figures) -> None:
        request = rest.EnableProtection(
            machines=(MACHINE,), source_site="a", target_site="b", policy=POLICY.name
        )
        job = self.rig.must(Verb.ENABLE_PROTECTION, request, COPY_SECONDS)
        machine = self.rig.wait_for(MACHINE, lambda m: m.points.count > 0, COPY_SECONDS)
        sent = sum(int(task.facts.wire_bytes or 0) for task in job.tasks if task.facts is not None)
        size = sum(disk.size_bytes for disk in machine.disks)
        figures.say(
            f"{size / 1e9:.1f} GB of disks, {sent / 1e6:.0f} MB sent; the first recovery point is there",
            wire_bytes=sent,
        )

        self._connect_there()

    def _connect_there(self) -> None:
        """Its card gets an address at site b, and reaches the appliance there."""
        with self.rig.client() as vault:
            [found] = vault.sites["a"].inventory().machines
            [nic] = found.definition.nics
            vault.machines[MACHINE].set_cards([CardSettings(mac=nic.mac, network=self.rig.bridge("b"))])

    def replicate(self, figures: Figures) -> None:
        worst = 0.0

        def enough(machine: rest.Machine) -> bool:
            nonlocal worst
            worst = max(worst, machine.rpo.sent_seconds or 0.0)
            return machine.points.count >= 4 and bool(self._app_points())

        machine = self.rig.wait_for(MACHINE, enough, within_seconds=300)
        figures.say(
            f"{counted(machine.points.count, 'point')}, {len(self._app_points())} of them with PostgreSQL at "
            f"rest; RPO {machine.rpo.seconds or 0:.1f} s now, sent at most {worst:.1f} s ago",
            rpo_seconds=machine.rpo.seconds,
            worst_sent_seconds=worst,
        )

    def _app_points(self) -> list[PointShape]:
        return [each for each in self.rig.points(MACHINE) if each.consistency is Consistency.APP]

    def drill(self, figures: Figures) -> None:
        before = len(self.server.rows())
        self.rig.new_points(MACHINE, 1, BOOT_SECONDS)
        began = time.monotonic()
        self.rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=(MACHINE,)), BOOT_SECONDS)
        held = self._held("b", f"{MACHINE}-test", before)
        self.at_drill = held
        figures.say(
            f"a copy runs in an isolated network after {time.monotonic() - began:.0f} s with "
            f"{counted(held, 'row')}, whole; the server works on",
            rto_seconds=time.monotonic() - began,
            rows=held,
        )

    def clean_up(self, figures: Figures) -> None:
        request = rest.CleanupTestFailover(machines=(MACHINE,), notes="the database is whole")
        self.rig.must(Verb.CLEANUP_TEST_FAILOVER, request)
        figures.say("test machine and network are gone, notes kept")

    def lose_it(self, figures: Figures) -> None:
        self.server.cut_power()
        self.rig.lose("a")
        self.at_loss = self.server.rows()[-1]
        figures.say(
            f"the server and its site's appliance are gone; the last row that it told is {self.at_loss}",
            last_row=self.at_loss,
        )

    def fail_over(self, figures: Figures) -> None:
        began, self.failed_over_at = time.monotonic(), time.time()
        job = self.rig.must(Verb.FAILOVER, rest.Failover(machines=(MACHINE,)), BOOT_SECONDS)
        held = self._held("b", MACHINE, self.at_drill)
        rto, self.there = time.monotonic() - began, held
        loses = next(
            (task.facts.loses_seconds for task in job.tasks if task.facts and task.facts.point_id), 0
        )
        figures.say(
            f"it runs at site b after {rto:.0f} s, its boot included: {counted(held, 'row')}, whole; RPO "
            f"{loses or 0:.1f} s",
            rto_seconds=rto,
            rows=held,
            rpo_seconds=loses,
        )

    def let_its_agent_call(self, figures: Figures) -> None:
        """Home is lost; it was told of site b's appliance while it was there."""
        known = self._agent_id()
        found = eventually(
            lambda: next((each for each in self.rig.agents("b") if each.agent_id == known), None),
            REGISTERS_SECONDS,
        )
        seconds = found.enrolled_at.timestamp() - self.failed_over_at
        figures.say(
            f"its agent registered at site b after {seconds:.0f} s, by itself",
            registered_seconds=seconds,
        )

    def work_there(self, figures: Figures) -> None:
        console = self.rig.console("b", MACHINE).path
        before = len(rows_in(console))
        eventually(lambda: len(rows_in(console)) >= before + 50, BOOT_SECONDS)
        figures.say(f"it works there: row {rows_in(console)[-1]}", last_row=rows_in(console)[-1])

    def commit(self, figures: Figures) -> None:
        self.rig.must(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
        figures.say("the point is fixed, the others are deleted")

    # ---- and home
    # --------------------------------------------------------------------------------------------------

    def rescue(self, figures: Figures) -> None:
        self.rig.appliances["a"].start()
        self.rig.wait_connected()
        key = self.rig.agent_key(self._agent_id(), "rescue")
        words = f"{WORDS} secondsite.appliance={HOST}:{self.rig.agents_port} secondsite.key={key}"
        self.server.switch_on("-kernel", str(KERNEL), "-initrd", str(INITRD), "-append", words, "-no-reboot")
        lent = self.rig.home("appliance-a") / "fabric-work" / "rescued" / self._agent_id() / "sda"
        began = time.monotonic()
        eventually(lent.exists, BOOT_SECONDS)
        figures.say(
            f"the old server runs from the rescue image after {time.monotonic() - began:.0f} s, and its "
            "disks are files at its site",
            boot_seconds=time.monotonic() - began,
        )

    def reprotect(self, figures: Figures) -> None:
        job = self.rig.must(Verb.REPROTECT, rest.Reprotect(machines=(MACHINE,)), COPY_SECONDS)
        machine = self.rig.wait_for(MACHINE, lambda m: m.points.count > 0, COPY_SECONDS)
        sent = sum(int(task.facts.wire_bytes or 0) for task in job.tasks if task.facts is not None)
        size = sum(disk.size_bytes for disk in machine.disks)
        figures.say(
            f"protected b -> a, onto the server's own disks: {sent / 1e6:.1f} MB of {size / 1e9:.1f} GB were "
            "sent",
            wire_bytes=sent,
        )

    def fail_back(self, figures: Figures) -> None:
        began = time.monotonic()
        threads.worker("own-disk", self._start_from_own_disk).start()
        self.rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(MACHINE,)), COPY_SECONDS)
        told = self.there + len(rows_in(self.rig.console("b", MACHINE).path))
        self.server.wait_for(b"HELD", BOOT_SECONDS)
        held = self.server.held() or (0, 0)
        if held[0] < told:
            raise PromiseBroken(f"{held[0]} rows are at home, and {told} were told before")
        self.there = held[0]
        figures.say(
            f"the server runs at home, from its own disks, after {time.monotonic() - began:.0f} s: {told} "
            f"rows were told until then, {held[0]} are there, 0 lost",
            rto_seconds=time.monotonic() - began,
            rows=held[0],
        )

    def _start_from_own_disk(self) -> None:
        """Once its rescue system has restarted it."""
        assert self.server.process is not None
        self.server.process.wait(COPY_SECONDS)
        self.server.switch_on()

    def commit_failback(self, figures: Figures) -> None:
        self.rig.must(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
        self.rig.must(Verb.REPROTECT, rest.Reprotect(machines=(MACHINE,)), COPY_SECONDS)
        self.rig.wait_for(MACHINE, lambda m: m.points.count > 0, COPY_SECONDS)
        figures.say("committed; protected a -> b again: only what differs was sent")

    def move(self, figures: Figures) -> None:
        began, starts = time.monotonic(), starts_in(self.rig.console("b", MACHINE).path)
        self.rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(MACHINE,)), COPY_SECONDS)
        told = self.there + len(self.server.rows())
        held = self._held("b", MACHINE, told, starts)
        self.there = held
        self.rig.must(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
        figures.say(
            f"a planned failover: its services were stopped, its disks stand still, and it runs at b after "
            f"{time.monotonic() - began:.0f} s: {told} rows were told until then, {held} are there, 0 lost",
            rto_seconds=time.monotonic() - began,
        )

    def new_machine_at_home(self, figures: Figures) -> None:
        host = self.rig.add_host("a")
        request = rest.Reprotect(
            machines=(MACHINE,),
            location=rest.Location.ALTERNATE,
            target_appliance=f"appliance-{host}",
        )
        self.rig.must(Verb.REPROTECT, request, COPY_SECONDS)
        machine = self.rig.wait_for(MACHINE, lambda m: m.points.count > 0, COPY_SECONDS)
        figures.say(f"protected {machine.source_site} -> {machine.target_site}, to a host of the first site")

    def fail_back_to_it(self, figures: Figures) -> None:
        began = time.monotonic()
        self.rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(MACHINE,)), COPY_SECONDS)
        told = self.there + len(rows_in(self.rig.console("b", MACHINE).path, starts=1))
        held = self._held("a2", MACHINE, told)
        figures.say(
            f"{MACHINE} runs at site a, as a virtual machine, after {time.monotonic() - began:.0f} s: {told} "
            f"rows were told until then, {held} are there, 0 lost",
            rto_seconds=time.monotonic() - began,
            rows=held,
        )

    # ---- helpers
    # ---------------------------------------------------------------------------------------------------

    def _agent_id(self) -> str:
        return next(each.agent_id for each in self.rig.agents() if each.name == MACHINE)

    def _held(self, site: str, name: str, at_least: int, starts: int = 0) -> int:
        """How many rows the database held at its start there, after so many others; raises PromiseBroken if
        they are fewer."""
        console = self.rig.console(site, name).path
        eventually(lambda: starts_in(console) > starts, BOOT_SECONDS)
        count, _ = held_in(console) or (0, 0)
        if count < at_least:
            raise PromiseBroken(f"{count} rows are there, and {at_least} were told before")
        return count


def tell(rig: AgentSites, report: Report) -> None:
    """The whole story; the server is made first, which takes minutes once."""
    told = PhysicalStory(rig, report, Server.make(rig.folder / "server"))
    try:
        told.tell()
    finally:
        told.close()


@contextlib.contextmanager
def served(path: Path) -> Iterator[int]:
    """A port here at which everybody gets this file."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threads.worker("served", lambda: _serve(listening, path.read_bytes()))
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listening: socket.socket, content: bytes) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.sendall(content)
