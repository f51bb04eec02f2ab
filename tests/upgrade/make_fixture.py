"""Makes the fixture of a release: a vault and two appliances with machines in every state, left as by a power
cut.

It drives a release's own code by its command line and its `rig`, so run it in a checkout of that release:

    cd RELEASE && ./dev shell env PYTHONPATH=src:.:HERE python -m tests.upgrade.make_fixture
    HERE/tests/upgrade/fixtures/NAME

HERE is the checkout that has this file. It writes NAME.tar.xz and NAME.json, which says what is in it.

Homes name their places by absolute paths and manifests are signed, so a fixture lies in one place for ever:
`FOLDER`. Points are on hold and certificates last ten years: retention and time take nothing away, whenever
the fixture is opened.
"""

import contextlib
import fcntl
import functools
import io
import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rig import Rig, processes
from secondsite.appliance.target import store_daemon
from secondsite.cli import app
from secondsite.entry import commands as _with_processes  # noqa: F401 - registers 'init', 'run', 'enroll'
from secondsite.fabrics import simulated
from tests.upgrade import fixture_record
from tests.upgrade.fixture_hands import change, fabric_id, order_death, wait_for

FOLDER = Path("/var/tmp/ss-upgrade")
"""Short: the sockets of the simulated hosts lie below it."""
DATA_ADDRESSES = {"a": "127.20.26.1:9445", "b": "127.20.26.2:9445"}
"""Of loopback, and nobody else's: sources keep the address of their target, so the appliances stay where
they are."""
KIB, MIB = 1 << 10, 1 << 20
DISK_BYTES = 8 * MIB
FILLED_BYTES = {"web01": 512 * KIB}
SOME_BYTES = 32 * KIB
"""Of random data: what is less than a full copy can be told by what was sent, and the archive stays small."""
CALM = "web01"
SINGLE = ("gone01", "done01", "back01", "drill01", "half01", "half02")
GROUP = ("shop01", "shop02")
SECRET = "safe01"
FREE = "free01"
"""Nobody protects it."""
CERTIFICATE_DAYS = 3650
SLOW = "66kB"
REACHES = 14
"""So many seams of the vault are passed from the answer to the last failover's check to its third step, of
five."""
randomness = random.Random(20261120)


class Story:
    """The release's set-up, and what is worth knowing of it."""

    def __init__(self) -> None:
        self.rig = Rig("simulated", FOLDER)
        os.environ["SECONDSITE_CLIENT"] = str(self.rig.home("vault") / "client.json")
        self.instant: dict[str, str] = {}
        self.running: dict[str, dict[str, str]] = {}
        self.secret_point: dict[str, str] = {}

    # ---- the command line
    # --------------------------------------------------------------------------------------------

    def told(self, *words: str, good: tuple[int, ...] = (0,)) -> Any:
        """What a command prints as JSON. It runs in this process: Python's start would take longer than
        all else."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            ended = app.run([*words, "--json"])
        if ended not in good:
            raise RuntimeError(f"{words} ended with {ended}:\n{out.getvalue()}")
        return json.loads(out.getvalue()) if out.getvalue().strip() else None

    def machine(self, name: str) -> Any:
        return self.told("machine", "show", name)

    def points(self, name: str) -> list[Any]:
        """Oldest first."""
        found: list[Any] = self.told("point", "list", name)
        return found[::-1]

    def do(self, verb: str, *arguments: str) -> Any:
        return self.told("machine", verb, *arguments)

    # ---- places
    # ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """As the guide says it, but with certificates that last."""
        home = str(self.rig.home("vault"))
        port = self.rig.url.rpartition(":")[2]
        control = str(processes.free_port())
        self.told("vault", "init", "--home", home, "--rest-port", port, "--control-port", control)
        change(Path(home) / "vault.json", appliance_certificate_days=CERTIFICATE_DAYS)
        self.rig.vault.start()
        for site in ("a", "b"):
            self._open_site(site)
        self.rig.wait_connected()
        self.told("network", "map", "a/lan-a", "b/lan-b")
        self.told("network", "map", "b/lan-b", "a/lan-a")

    def _open_site(self, site: str) -> None:
        self.told("site", "add", site)
        key = self.told("appliance", "key", "--site", site)
        home = self.rig.home(f"appliance-{site}")
        words = ["--vault", self.rig.url, "--key", key["key"], "--fingerprint", key["ca_fingerprint"]]
        words += ["--home", str(home), "--name", f"appliance-{site}", "--fabric", "simulated"]
        words += ["--uri", str(home / "fabric"), "--listen", DATA_ADDRESSES[site]]
        self.told("appliance", "enroll", *words)
        simulated.add_network(home / "fabric", f"lan-{site}")
        if site == "a":
            for name in (CALM, *SINGLE, *GROUP, SECRET, FREE):
                self._make_machine(name)
        self.rig.appliances[site].start()

    def _make_machine(self, name: str) -> None:
        sizes = (DISK_BYTES, DISK_BYTES // 2) if name in GROUP else (DISK_BYTES,)
        made = simulated.make_machine(self.fabric("a"), name, sizes, networks=("lan-a",))
        simulated.open_fabric(self.fabric("a")).power.start(made)
        self.write(name, 0, FILLED_BYTES.get(name, SOME_BYTES))

    def fabric(self, site: str) -> Path:
        return self.rig.home(f"appliance-{site}") / "fabric"

    # ---- guests
    # ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def guest(self, name: str, site: str = "a") -> Iterator[simulated.Guest]:
        with simulated.Guest(self.fabric(site), fabric_id(self.fabric(site), name)) as guest:
            yield guest

    def write(self, name: str, offset: int, length: int, site: str = "a") -> None:
        """Random bytes, flushed."""
        with self.guest(name, site) as guest:
            guest.write(guest.keys[0], offset, randomness.randbytes(length))
            guest.flush(guest.keys[0])

    def digest(self, name: str, site: str = "a") -> dict[str, str]:
        """sha256 of each disk as the guest reads it, flushed before."""
        with self.guest(name, site) as guest:
            for key in guest.keys:
                guest.flush(key)
            return {
                key: fixture_record.sha256(guest.read(key, 0, guest.size_bytes(key))) for key in guest.keys
            }

    # ---- the story
    # ---------------------------------------------------------------------------------------------------

    def protect(self) -> None:
        quick = ("--crash-consistent-every", "10", "--app-consistent-every", "20", "--cycle", "3")
        kept = ("--retention", "40", "--journal", "20")
        self.told("policy", "add", "quick", "--rpo-threshold", "60", *quick, *kept)
        self.told("policy", "add", "calm", "--crash-consistent-every", "60", "--cycle", "3")
        places = ("--source", "a", "--target", "b", "--policy")
        self.do("enable-protection", *SINGLE, *GROUP, *places, "quick")
        self.do("enable-protection", CALM, *places, "calm")
        encrypted = ("machine", "enable-protection", SECRET, *places, "quick", "--encrypt")
        self.told(*encrypted, good=(1,))
        self.told("appliance", "set-key", "--home", str(self.rig.home("appliance-b")))
        self.rig.appliances["b"].kill()
        self.rig.appliances["b"].start()
        self.rig.wait_connected()
        self.told(*encrypted)
        self.told("group", "create", "shop", *GROUP, *places[:4], "--every", "15", "--app-consistent")

    def make_points(self) -> None:
        """Two points or more of each machine, each with data of its own; they stay."""
        for number in range(1, 3):
            for name in (*SINGLE, *GROUP, SECRET):
                self.write(name, number * MIB, 4 * KIB)
            for name in (*SINGLE, *GROUP, SECRET):
                self.new_point(name)
        point = self.new_point(SECRET)
        self.hold(SECRET, [point])
        self.secret_point = {"id": point["id"], **self.digest(SECRET)}
        wait_for(lambda: self.told("group", "show", "shop")["newest_app_set"], "a common point")
        for name in (CALM, *GROUP, SECRET, "drill01", "half01", "half02"):
            self.hold(name, self.points(name)[-3:])

    def new_point(self, name: str) -> Any:
        """A point of an instant after now."""
        now = datetime.now().astimezone()
        return wait_for(
            lambda: next((p for p in self.points(name) if datetime.fromisoformat(p["taken_at"]) > now), None),
            f"a point of {name}",
        )

    def note_an_instant(self) -> None:
        """Of web01: between two points, in the journal."""
        for number in range(1, 6):
            self.write(CALM, 3 * MIB + number * 64 * KIB, 16 * KIB)
            written, digest = datetime.now().astimezone(), self.digest(CALM)
            ends = wait_for(functools.partial(self.journal_end_after, written), "a cycle of web01")
            if ends not in [point["taken_at"] for point in self.points(CALM)]:
                self.instant = {"at": ends, **digest}
        self.hold(CALM, [self.new_point(CALM)])
        self.write(CALM, 5 * MIB, 16 * KIB)

    def journal_end_after(self, instant: datetime) -> str | None:
        ends: list[str] = [each["ends_at"] for each in self.machine(CALM)["journal"]]
        return max((end for end in ends if datetime.fromisoformat(end) > instant), default=None)

    def drill(self) -> None:
        self.do("test-failover", CALM, "--network", "none")
        self.do("cleanup-test-failover", CALM, "--notes", "boots, login works")
        self.do("test-failover", "drill01")
        self.told("point", "verify", CALM, self.points(CALM)[0]["id"])

    def turn(self) -> None:
        """One machine of each state that a failover leads to."""
        self.do("failover", "gone01")
        for name in ("done01", "back01"):
            self.do("failover", name, "--shut-down")
            self.write(name, 6 * MIB, 16 * KIB, "b")
            self.do("commit", name)
        self.do("reprotect", "back01")
        self.write("back01", 7 * MIB, 16 * KIB, "b")
        self.new_point("back01")
        self.hold("back01", self.points("back01"))

    def hold(self, name: str, points: list[Any]) -> None:
        for point in points:
            self.told("point", "hold", name, point["id"], "--reason", "of the release")

    def break_off(self) -> None:
        """Jobs on their way, cycles that lie unprocessed, and then no power anywhere."""
        self.running = {name: self.digest(name, "b") for name in ("gone01", "done01", "back01")}
        self.told("site", "limit", "a", "--rate", SLOW)
        self.write("half01", 4 * MIB, 768 * KIB)
        job = self.told("machine", "planned-failover", "half01", "--no-wait")["job_id"]
        wait_for(lambda: self.waits_at(job, "Synchronize"), "a planned failover on its way")
        os.kill(self.rig.appliances["b"].pid, signal.SIGSTOP)
        job = self.told("machine", "failover", "half02", "--no-wait")["job_id"]
        wait_for(lambda: self.waits_at(job, "Prerequisites check"), "a failover on its way")
        order_death(self.rig.seam_file("vault"), REACHES)
        os.kill(self.rig.appliances["b"].pid, signal.SIGCONT)
        wait_for(lambda: not self.rig.vault.is_alive, "the vault's death")
        self.leave_unprocessed(CALM)
        for site in ("a", "b"):
            self.rig.appliances[site].kill()
        simulated.open_fabric(self.fabric("a")).power.shut_down(fabric_id(self.fabric("a"), CALM), 10)
        processes.kill_folder(FOLDER)

    def waits_at(self, job_id: str, step: str) -> bool:
        tasks = self.told("job", "show", job_id)["tasks"]
        return any(task["name"] == step and task["state"] in ("running", "waiting") for task in tasks)

    def leave_unprocessed(self, name: str) -> None:
        """What the target acknowledged lies in its inbox, for its storage daemon stands still."""
        store = self.rig.home("appliance-b") / "store"
        inbox = next(
            path / "inbox"
            for path in (store / "replicas").iterdir()
            if json.loads(next((path / "points").glob("*.json")).read_text())["machine_name"] == name
        )
        for pid in processes.of_folder(store_daemon.daemon_of(store).folder):
            os.kill(pid, signal.SIGSTOP)
        self.write(name, 7 * MIB, 16 * KIB)
        wait_for(lambda: list(inbox.glob("[!.]*")), f"a cycle in {inbox}")


def make(target: Path) -> None:
    """Tells the whole story, then writes TARGET.json and TARGET.tar.xz. Waits for tests that use the
    place."""
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tell(target)


def tell(target: Path) -> None:
    Rig.remove(FOLDER)
    FOLDER.mkdir(mode=0o700)
    story = Story()
    with story.rig:
        story.open()
        replicating = (story.protect, story.make_points, story.note_an_instant)
        for chapter in (*replicating, story.drill, story.turn, story.break_off):
            print(chapter.__name__, flush=True)
            chapter()
        said = {
            "made_at": datetime.now().astimezone().isoformat(),
            "folder": str(FOLDER),
            "instant": story.instant,
            "running": story.running,
            "secret_point": story.secret_point,
            **fixture_record.record(FOLDER),
        }
        fixture_record.require_between_steps(said["jobs"], "half02")
        target.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n")
        fixture_record.pack(FOLDER, target.with_suffix(".tar.xz"))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
