"""What the end-to-end stories share: a rig with guests, hands on its processes, and eyes on disks and
points."""

import contextlib
import json
import socket
from datetime import UTC, datetime

import guestkit
from rig import Rig
from rig.background import Background
from tests.support import policies

TWO_DISKS = (64 * guestkit.MiB, 32 * guestkit.MiB)


@contextlib.contextmanager
def guests_under(guests, options=None, folder=None, commanded=("a",), **policy_changes):
    """A rig with these guests at site a, up and writing. `guests` maps names to the arguments of
    GuestMachine.make. `commanded`: the sites whose appliances take commands of the test too.

    A guest agent's socket lies deep in the embedded root, so such guests need a `folder` of a short name.
    """
    rig = Rig("libvirt", folder=folder, appliance_options=options, forked=True)
    for site in commanded:
        command_through(rig, site)

    def furnish(site):
        for name, arguments in guests.items() if site == "a" else ():
            rig.make_guest(name, **{key: _of(rig, each) for key, each in arguments.items()})

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick(**policy_changes).model_dump())
        for guest in rig.guests.values():
            wait_for_record(guest.console, 3, within_seconds=90)
        yield rig


def _of(rig, argument):
    """What only the rig that is there can say, as a function of it."""
    return argument(rig) if callable(argument) else argument


# ---- processes
# -------------------------------------------------------------------------------------------------------


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


# ---- guests
# ----------------------------------------------------------------------------------------------------------


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
        self._seen: dict[str, list[tuple[datetime, int]]] = {name: [] for name in consoles}

    def _run(self):
        while not self.ended.wait(0.1):
            for name, console in self._consoles.items():
                record = console.last_record  # first the record, then the time: it was said by then
                self._seen[name].append((datetime.now(UTC), record))

    def acknowledged(self, name, at):
        """The last record that was seen on the console before the instant."""
        return max((record for when, record in self._seen[name] if when <= at), default=0)
