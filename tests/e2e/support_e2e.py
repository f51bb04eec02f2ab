"""What the end-to-end stories share: a rig with guests, hands on its processes, and eyes on disks and points."""

import contextlib
import hashlib
import io
import json
import socket
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path

import guestkit
from rig import GuestMachine, Rig, processes
from rig.background import Background
from secondsite.entry import main
from secondsite.wire import rest
from tests.support.eventually import eventually

POLICY = {
    "name": "quick",
    "rpo_threshold_seconds": 60,
    "retention_seconds": 86400,
    "crash_consistent_every_seconds": 2,
    "app_consistent_every_seconds": 0,
    "cycle_seconds": 1,
}
TWO_DISKS = (64 * guestkit.MiB, 32 * guestkit.MiB)


def policy(**changes):
    return rest.PolicyCreate(**{**POLICY, **changes})


@contextlib.contextmanager
def guests_under(guests, options=None, folder=None, **policy_changes):
    """A rig with these guests at site a, up and writing. `guests` maps names to the arguments of GuestMachine.make.

    A guest agent's socket lies deep in the embedded root, so such guests need a `folder` of a short name.
    """
    rig = Rig("libvirt", folder=folder, appliance_options=options)
    command_through(rig, "a")

    def furnish(site):
        for name, arguments in guests.items() if site == "a" else ():
            rig.machines[name] = GuestMachine.make(
                name, rig.home("appliance-a"), rig.bridge("a"), **arguments
            )

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as client:
            client.add_policy(policy(**policy_changes))
        for guest in rig.machines.values():
            wait_for_record(guest.console, 3, within_seconds=90)
        yield rig


# ---- processes -------------------------------------------------------------------------------------------------------


def command_through(rig, site):
    """Let the appliance of the site take commands of the test too."""
    process = rig.appliances[site]
    process.module = "tests.e2e.commanded_appliance"
    process.arguments = [str(rig.home(f"appliance-{site}")), str(rig.folder / f"{site}.sock")]


def ask(rig, site, do, **arguments):
    """Ask the process that holds the site's root; fails when it can't do it."""
    with socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(90)
        talk.connect(str(rig.folder / f"{site}.sock"))
        talk.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        answer = json.loads(talk.makefile().readline())
    assert "ok" in answer, answer
    return answer["ok"]


@contextlib.contextmanager
def standing_still(rig, site, fabric_ids):
    """The machines' vCPUs are paused; what they wrote has left QEMU (it flushes when it stops)."""
    ask(rig, site, "hold", machines=list(fabric_ids), seconds=60)
    try:
        yield
    finally:
        ask(rig, site, "release")


def assert_untouched(rig, site, fabric_id):
    """A running machine carries nothing of ours."""
    assert ask(rig, site, "tag", machine=fabric_id) is None
    assert ask(rig, site, "checkpoints", machine=fabric_id) == []
    bitmaps = ask(rig, site, "bitmaps", machine=fabric_id)
    assert [name for name in bitmaps if name.startswith("secondsite")] == []


def lose_site(rig, site):
    """kill -9 to everything of the site, as a power cut."""
    home = rig.home(f"appliance-{site}")
    pids = processes.of_folder(home)
    rig.appliances[site].kill()
    processes.kill_all(pids)
    assert processes.of_folder(home) == []


def qemus_of(rig, name):
    """Pids of QEMU processes that run a machine of this name, at any site."""
    found = []
    for pid in processes.of_folder(rig.folder):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if any(word.startswith(b"guest=" + name.encode() + b",") for word in words):
                found.append(pid)
    return found


# ---- the command line ------------------------------------------------------------------------------------------------


def told(rig, *words, exit_code=0):
    """What a command printed as JSON; fails unless it ended with this exit code. A refusal is on standard error.

    The command line runs in this process: a hundred starts of Python would take longer than all else here.
    """
    vault = rig.home("vault")
    access = ["--url", rig.url, "--ca", str(vault / "pki" / "ca.pem")]
    access += ["--token", (vault / "token").read_text().strip()]
    out, complaints = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
        ended = main.run_command_line([*access, *words, "--json"])
    text = out.getvalue() or complaints.getvalue()
    assert text.startswith(("{", "[")), f"{words} ended with {ended}:\n{text}"
    said = json.loads(text)
    assert ended == exit_code, f"{words} ended with {ended}:\n{_explained(rig, said)}"
    assert exit_code == 0 or "tasks" in said or out.getvalue() == ""
    return said


def _explained(rig, said):
    if not isinstance(said, dict) or "tasks" not in said:
        return json.dumps(said, indent=1)
    with rig.client() as client:
        return rig.describe(client.job(said["id"]))


def do(rig, verb, *arguments, **more):
    """A verb on machines through the command line; gives its job."""
    return told(rig, "machine", verb, *arguments, **more)


def refused(rig, *arguments, exit_code):
    """The refusal of a command; it says what to do."""
    error = told(rig, *arguments, exit_code=exit_code)["error"]
    assert error["message"]
    assert error["do"]
    return error


def jobs_below(rig, job):
    """A batch's jobs by their machine; of a single one, itself."""
    with rig.client() as client:
        found = [client.job(child) for child in job["children"]] or [client.job(job["id"])]
    return {each.subject_name: each for each in found}


def facts_of(rig, job, task):
    """The facts of a task, by machine."""
    below = jobs_below(rig, job).items()
    return {name: next(t.facts for t in each.tasks if t.name == task) for name, each in below}


def machine(rig, name):
    with rig.client() as client:
        return client.machine(name)


def points(rig, name):
    """Oldest first."""
    with rig.client() as client:
        return sorted(client.points(name), key=lambda point: (point.epoch, point.seq))


def new_points(rig, name, count=1, within_seconds=60):
    """Waits until this many points came after those that are there now."""
    before = {point.id for point in points(rig, name)}
    return eventually(lambda: _more(points(rig, name), before, count), within_seconds)


def _more(found, before, count):
    new = [point for point in found if point.id not in before]
    return new if len(new) >= count else None


def codes(rig, name):
    """The findings that hold now."""
    return {finding.code: finding.what for finding in machine(rig, name).findings}


# ---- guests ----------------------------------------------------------------------------------------------------------


def console_at(rig, site, name):
    """What a machine that we made at a site says."""
    return guestkit.Console(rig.home(f"appliance-{site}") / "fabric-work" / "console" / f"{name}.log")


def booted(console, number, within_seconds=90):
    """Boot `number` (the first is 1), which found every record whole."""
    boot = console.wait_for_boot(number, within_seconds)
    assert boot.complaints == ()
    assert boot.verified_last is not None, boot
    return boot


def wait_for_record(console, number, within_seconds=60):
    console.wait_for(lambda seen: seen.last_record >= number, within_seconds)


class Witness(Background):
    """Notes, several times a second, which record each guest had acknowledged by then."""

    def __init__(self, consoles):
        super().__init__({"witness": self._run})
        self._consoles = consoles
        self._seen = {name: [] for name in consoles}

    def _run(self):
        while not self.ended.wait(0.1):
            for name, console in self._consoles.items():
                record = console.last_record  # first the record, then the time: it was said by then
                self._seen[name].append((datetime.now(UTC), record))

    def acknowledged(self, name, at):
        """The last record that was seen on the console before the instant."""
        return max((record for when, record in self._seen[name] if when <= at), default=0)


# ---- disks and points, read without the product ----------------------------------------------------------------------


def digest(path, folder):
    """sha256 of all that a disk holds, its backing chain included, read by qemu-img."""
    out = folder / f"raw-{uuid.uuid4().hex}"
    try:
        qemu_img("convert", "-U", "-O", "raw", str(path), str(out))
        with out.open("rb") as raw:
            return hashlib.file_digest(raw, "sha256").hexdigest()
    finally:
        out.unlink(missing_ok=True)


def qemu_img(*arguments):
    done = subprocess.run(["qemu-img", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def replica(rig, site, machine_id):
    """The replica's folder in the site's store."""
    return rig.home(f"appliance-{site}") / "store" / "replicas" / machine_id


def manifest(rig, site, machine_id, point_id):
    """A point's manifest, as a person would read it."""
    return json.loads((replica(rig, site, machine_id) / "points" / f"{point_id}.json").read_text())


def point_digests(rig, site, machine_id, point_id):
    """sha256 of each disk at the point, by key."""
    folder = replica(rig, site, machine_id)
    disks = manifest(rig, site, machine_id, point_id)["disks"]
    return {disk["key"]: digest(folder / disk["file"], rig.folder) for disk in disks}
