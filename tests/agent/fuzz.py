"""Who writes, and how much, against what the agent says.

    python -m tests.agent.fuzz SECONDS [SEED [DISK=KIND ...]] [outside=FOLDER]

Without disks it makes loop devices. Disks that are named, as in vdb=ext4 sda=xfs vdc=mirror sdb=mirror, are
those of a machine that nobody needs: all that lies on them is lost. `tests.agent.guests` makes such machines.

Each round ends with a frozen point. While it stands still all disks are read as they are, which is the truth,
and a second agent is asked for its marks. A block that changed since the round before and has no mark was
missed: then the point must not be valid. Swap is no part of that: what differs there is only counted."""

import contextlib
import json
import random
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from secondsite.ground.units import MiB

from . import fuzz_disks
from . import support_agent as support


@dataclass
class Found:
    """What the rounds brought."""

    rounds: int = 0
    judged: int = 0
    writes: int = 0
    valid: int = 0
    changed_blocks: int = 0
    received_blocks: int = 0
    missed_blocks: int = 0
    rounds_with_missed_blocks: int = 0
    valid_rounds_with_missed_blocks: int = 0
    compared_blocks: int = 0
    wrong_blocks_of_valid_points: int = 0
    wrong_blocks_of_swap: int = 0
    scans: int = 0
    found_by_scans: int = 0
    most_frozen_seconds: float = 0.0
    recursion_misses: int = 0
    most_resident_mib: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


KINDS = ("buffered", "direct", "mapped", "storm", "discarding")
MIXED = ("mixed", "direct", "burst")
MOST_NAMED, MOST_TRIES, HELD_MIB = 40, 20, 450
SIZES = {
    "ext4": (320 * MiB, 48 * MiB),
    "xfs": (320 * MiB, 0),
    "btrfs": (512 * MiB, 0),
    "swap": (64 * MiB, 0),
}
"""Of each file system, and of what lies past it on its disk."""


class Fuzz:
    """File systems on loop devices, with writers past one of them."""

    def __init__(self, seed, sizes=SIZES, kinds=KINDS, held_mib=1250, named=(), outside=None):
        self.found, self.stack = Found(), contextlib.ExitStack()
        self.folder = Path(
            self.stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="ss-", dir="/dev/shm" if named else "/var/tmp", ignore_cleanup_errors=True
                )
            )
        )
        self.disks = []
        for kind, (fs_size, past) in {} if named else sizes.items():
            disk = support.LoopDisk(self.folder, kind, fs_size + past, kind, fs_size, direct=kind == "xfs")
            self.stack.callback(disk.close)
            self.disks.append(disk.make())
        self.nested = []
        if named:
            self.disks = fuzz_disks.made(self.folder, named)
            self.nested = [fuzz_disks.nested(disk) for disk in self.disks if disk.kind == "ext4"]
        self.writers = support.Writers("nice", "-n", "19") if named else support.Writers()
        self.agent = support.Agent(
            self.folder, self.disks, "--held-mib", str(held_mib), "--thaw-after", "60s", "--scan-mib", "0"
        )
        self.stack.callback(self.agent.close)
        if named:
            fuzz_disks.know(self.disks, self.agent)
        self.second = support.Agent(self.folder, self.disks)
        self.stack.callback(self.second.close)
        self.stack.callback(self.writers.close)
        self.seed, self.kinds = seed, kinds
        self.replica = support.Replica(self.agent, self.disks)
        self.look = fuzz_disks.Outside(outside, self.disks) if outside else self._from_within
        self.reads_ahead = bool(outside)
        self.past = []
        self.carried = {}
        """What was marked up to an instant that was none, by disk."""

    def begin(self, burners=1):
        number = 0
        for disk in self.disks:
            if disk.kind == "swap":
                self.past.append(self.writers.start("swapping", disk.device, self.seed))
        for mount in (*(disk.mount for disk in self.disks if disk.mounted), *self.nested):
            for kind in self.kinds:
                number += 1
                self.writers.start(kind, mount / f"{kind}{number}", self.seed * 1000 + number)
        first = self.disks[0]
        for turn in range(2 if first.fs_size < first.size else 0):
            self.past.append(
                self.writers.start(
                    "raw",
                    first.device,
                    self.seed * 1000 + 900 + turn,
                    first.fs_size,
                    first.size - first.fs_size,
                )
            )
        for _ in range(burners):
            self.writers.busy()
        self.agent.told("open", view="live", name="first")
        self._receive("first")
        self.agent.told("acknowledge", name="first")
        self.second.told("open", view="live", name="first")
        self.second.told("acknowledge", name="first")
        self.base = self.last = "first"
        self.began = sum(disk.writes() for disk in self.disks)
        self.truth: Any = None
        tries = 0
        while self.truth is None and tries < MOST_TRIES:
            tries += 1
            with support.stopped(self.past):
                answer, self.truth, _ = self._point(f"begin{tries}")
            self._judge(f"begin{tries}", answer, self.truth)
        assert self.truth, self.found.reasons

    def _point(self, name):
        """The answer; the digests of all disks, and the second agent's marks, while they stood still. None of
        these if they never did."""
        self.agent.hold("read")
        self.agent.send("open", view="frozen", base=self.base, name=name)
        if not self.agent.reaches("read"):
            (self.agent.seams / "read").unlink()
            return self.agent.answer(), None, None
        truth = self.look(name)
        marked = self._marked(name)
        self.agent.let_go("read")
        answer = self.agent.answer()
        if "the watchdog thawed" in answer.get("error", ""):  # read at one instant, marked until another
            self.carried, truth, marked = marked, None, None
        return answer, truth, marked

    def _from_within(self, _name):
        return {disk.key: disk.digests() for disk in self.disks}

    def round(self, seconds):
        """Writes for so long, then a point, judged."""
        time.sleep(seconds)
        name = f"p{self.found.rounds}"
        if self.reads_ahead:
            self._read_ahead(f"{name}-live")
        with support.stopped(self.past):
            answer, truth, marked = self._point(name)
        missed = self._missed(truth, marked) if truth else 0
        self.found.rounds += 1
        self.found.judged += truth is not None
        self.found.writes = sum(disk.writes() for disk in self.disks) - self.began
        self.found.missed_blocks += missed
        self.found.rounds_with_missed_blocks += missed > 0
        self.found.valid_rounds_with_missed_blocks += missed > 0 and answer["ok"]
        self.truth = truth or self.truth
        self._judge(name, answer, truth)

    def _read_ahead(self, name):
        """Most of what changed, while the machine writes on."""
        answer = self.agent.ask("open", view="live", base=self.base, name=name, flushed=True)
        if not answer["ok"]:
            return  # the point says why
        self._receive(name)
        self.agent.told("acknowledge", name=name)
        self.base = name

    def _receive(self, name):
        """What a live view says is dirty. From outside all is there at once, as it is after the marks were
        taken: that is what reading gives, without the guest's time."""
        if not self.reads_ahead:
            self.found.received_blocks += self.replica.receive(name)
            return
        there = self.look(name)
        for disk in self.disks:
            for block in self._dirty(self.agent, disk, name):
                self.replica.digests[disk.key][block] = there[disk.key][block]

    def _dirty(self, agent, disk, name):
        """The blocks that a view says are dirty."""
        with agent.reader(disk, name) as reader:
            return {
                block
                for each in reader.dirty()
                for block in range(each.offset // support.BLOCK, -(-each.end // support.BLOCK))
            }

    def _missed(self, truth, marked):
        """How many blocks changed since the round before without a mark."""
        missed = 0
        for key, digests in truth.items():
            old = self.truth[key]
            changed = {at for at in self._judged(key) if digests[at] != old[at]}
            self.found.changed_blocks += len(changed)
            missed += len(changed - marked[key])
        return missed

    def _marked(self, name):
        """What the second agent marked since the round before, by disk."""
        self.second.told("open", view="live", base=self.last, name=name)
        marked = {
            disk.key: self._dirty(self.second, disk, name) | self.carried.get(disk.key, set())
            for disk in self.disks
        }
        self.second.told("acknowledge", name=name)
        self.last, self.carried = name, {}
        return marked

    def _judge(self, name, answer, truth):
        told = answer.get("told") or {}
        self._tell(name, answer, told.get("instant"))
        if not answer["ok"]:
            reason = re.sub(r"\d+", "N", re.sub(r"file:\S+/", "", answer["error"]))
            self.found.reasons[reason] = self.found.reasons.get(reason, 0) + 1
            if (told and told["instant"]["verdict"].get("scan_due")) or answer["code"] == "scan-due":
                self._scan()
            return
        self.found.valid += 1
        self.found.received_blocks += self.replica.receive(name)
        self.agent.told("acknowledge", name=name)
        self.base = name
        self.found.most_frozen_seconds = max(
            self.found.most_frozen_seconds, told["instant"]["window"]["frozen_seconds"]
        )
        self.found.recursion_misses = sum(told["instant"]["now"]["misses"])
        for key, digests in truth.items():
            has, judged = self.replica.digests[key], self._judged(key)
            wrong = [at for at in range(len(has)) if has[at] != digests[at]]
            here = [at for at in wrong if at in judged]
            self.found.compared_blocks += len(judged)
            self.found.wrong_blocks_of_valid_points += len(here)
            self.found.wrong_blocks_of_swap += 0 if judged else len(wrong)
            self.found.wrong += [f"{name} {key} {at * support.BLOCK}" for at in here]
        del self.found.wrong[MOST_NAMED:]

    def _tell(self, name, answer, instant):
        """What each copy of the tracking missed since the last valid point, and all of them together, and
        whether the equation held."""
        if instant is None or not instant["now"]["misses"] or not instant["since"]["misses"]:
            print(json.dumps({"point": name, "refused": answer.get("error")}), flush=True)
            return
        since, now = instant["since"], instant["now"]
        lost = {}
        for disk, old in zip(now["disks"], since["disks"], strict=True):
            written = disk["kernel_bytes"] - old["kernel_bytes"]
            missed = [written - (b - a) for a, b in zip(_saw(old), _saw(disk), strict=True)]
            if any(missed):
                lost[disk["key"]] = missed
        told = {
            "point": name,
            "misses": [a - b for a, b in zip(now["misses"], since["misses"], strict=True)],
            "lost_bytes": lost,
            "reason": instant["verdict"].get("reason", ""),
        }
        print(json.dumps(told), flush=True)

    def _judged(self, key):
        """The blocks of a disk, but not those that md writes on its own, nor swap: all of it swaps there,
        whoever is stopped."""
        [disk] = [disk for disk in self.disks if disk.key == key]
        if disk.kind == "swap":
            return range(0)
        return range(getattr(disk, "own_blocks", 0), len(self.replica.digests[key]))

    def _scan(self):
        """Marks cannot be trusted: compares all, and goes on from there."""
        self.found.scans += 1
        self.base = f"s{self.found.scans}"
        with support.stopped(self.past):
            self.agent.told("begin-scan", base=self.base)
        for disk in self.disks:
            self.agent.compare(disk, self.replica.digests[disk.key])
        self.found.found_by_scans += self.agent.told("end-scan")["differing"]

    def close(self):
        """Ends everything, also after a failure in the middle of an answer."""
        with self.stack:
            self.writers.close()
            memory = self.agent.ask("memory").get("told") or {}
            self.found.most_resident_mib = round(memory.get("most_resident_bytes", 0) / MiB, 1)


def _saw(disk):
    """How many bytes each copy of the tracking counted, and all of them together."""
    return [*disk["seen_bytes"], disk["once_bytes"]]


def main():
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    support.PATIENCE = 900.0
    named = dict(word.split("=") for word in sys.argv[3:])
    outside, held = named.pop("outside", None), HELD_MIB if named else 1250
    kinds = MIXED if named else KINDS
    fuzz = Fuzz(seed, kinds=kinds, held_mib=held, named=named, outside=outside)
    chance = random.Random(seed)
    try:
        fuzz.begin()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fuzz.round(chance.choice((10, 20, 40) if named else (0.1, 0.3, 1, 3, 5)))
            print(json.dumps(asdict(fuzz.found)), flush=True)
    finally:
        fuzz.close()
    print(json.dumps(asdict(fuzz.found), indent=1))


if __name__ == "__main__":
    main()
