"""Takes our nodes out of a QEMU, whoever put them in.

A copy-before-write filter lies between a disk of a running machine and its node: before the guest overwrites
a block, the filter copies it to scratch. Several disks are led through their filters by gates, all at one
instant. A keeper lies there while the machine shuts down (`kept_changes`).
What a view consists of is read from QEMU, never from a note of ours, so whatever
step its owner died at, this takes away what is there. An overlay that the machine's owner put below a filter
meanwhile becomes the disk's node. A disk that its owner detached meanwhile libvirt cannot close, because ours
stand on it, and does not try again: it is closed here.

QEMU aborts, and its guest is gone, if a disk is led to where it leads already: as by two that take the same
filter out. So one at a time may lead the disks of a machine elsewhere, and for some time nobody may after one
that died in the middle of it.

This file is also a program of the watchdog; there it runs by itself with the standard library only. PLACE is
as for `alone`:

    filters.py PLACE monitor SOCKET
    filters.py PLACE virsh VIRSH URI MACHINE
"""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

KINDS = VIEW, GATE, FILTER, SCRATCH, KEEPER = (
    "ss-view-",
    "ss-gate-",
    "ss-filter-",
    "ss-scratch-",
    "ss-keeper-",
)
"""What the names of our nodes begin with, each before what it stands on; the disk's key follows."""
DETACHED = "ss-left-"
"""What the names of our notes begin with, which are empty nodes: the name of a node follows that is to be
closed once nothing of ours stands on it."""
OVER = {GATE: "file", FILTER: "file", KEEPER: "data-file"}
"""Of those that a disk is led through, the role of the child that the disk's own node is."""
STANDS_ON = ("file", "data-file", "backing")
DELTA = "ss-delta"
"""The bitmap of what changed since the base of a view."""
PERIPHERAL = "/machine/peripheral/"
END_SECONDS, LOOK_SECONDS = 10.0, 0.002
ANSWER_SECONDS, VIRSH_SECONDS = 5.0, 60.0
STALE_SECONDS = 35.0
"""How long libvirtd may still give QEMU the command of a process that died: it waits 30 s until another's
call for this machine has ended."""

Ask = Callable[..., Any]
"""ask(command, arguments) gives QEMU's result, or None if it refused."""
Lead = Callable[[Ask, str, str], Any]
"""lead(ask, path, node) leads the drive at `path` to a node, and gives what `ask` did; None also if it may
not yet."""
Edge = tuple[str, str, str]
"""A node, the role of a child of it, and this child."""


@contextlib.contextmanager
def alone(place: Path) -> Iterator[Lead | None]:
    """A context in which nobody else leads the disks of the machine whose file `place` is; None if somebody
    does just now."""
    with place.open("a+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # noqa: TID251  standard library only
        except BlockingIOError:
            yield None
        else:
            yield partial(_lead, file)


def _lead(file: IO[bytes], ask: Ask, path: str, node: str) -> Any:
    """The time of what was not answered stays in the file. A call that nobody waits for any more finds the
    file closed: ValueError."""
    if _is_unanswered(file):
        return None
    file.write(f"{time.clock_gettime(time.CLOCK_BOOTTIME)}".encode())
    answer = ask("qom-set", {"path": path, "property": "drive", "value": node})
    file.truncate(0)
    return answer


def _is_unanswered(file: IO[bytes]) -> bool:
    """Whether somebody may have asked QEMU to lead a disk elsewhere who was not answered."""
    file.seek(0)
    said = file.read(64)
    if said:
        asked, now = float(said), time.clock_gettime(time.CLOCK_BOOTTIME)
        if asked <= now < asked + STALE_SECONDS:
            return True
        file.truncate(0)
    return False


def take_out(ask: Ask, lead: Lead) -> bool:
    """Whether nothing of ours is left in this QEMU. The guest runs on; what it wrote is in its disks."""
    nodes = _nodes(ask)
    if nodes is None:
        return False
    if any(map(_kind, nodes)):
        if not _end_exports(ask):
            return False
        _delete(ask, nodes, VIEW)  # what a view reads from, QEMU leads no disk past
        below: list[list[str]] = []
        if any(_kind(name) == GATE for name in nodes):
            below += _lead_past(ask, lead)
            _delete(ask, nodes, GATE)
        below += _lead_past(ask, lead)
        for kind in FILTER, SCRATCH, KEEPER:
            _delete(ask, nodes, kind)
        _close_detached_since(ask, below)
    _remove_deltas(ask, nodes)
    _close_files(ask)
    left = _nodes(ask)
    if left is None or any(map(_kind, left)):
        return False
    _close_detached(ask, left)
    return True


def _nodes(ask: Ask) -> dict[str, Any] | None:
    """All block nodes by name."""
    found = ask("query-named-block-nodes", {"flat": True})
    return None if found is None else {node["node-name"]: node for node in found}


def _kind(name: str) -> str:
    """Which of KINDS a node of ours is."""
    return next((kind for kind in KINDS if name.startswith(kind)), "")


def _delete(ask: Ask, nodes: Iterable[str], kind: str) -> None:
    for name in nodes:
        if _kind(name) == kind:
            ask("blockdev-del", {"node-name": name})


def _end_exports(ask: Ask) -> bool:
    """End the server of our views, readers and all; a server that has exports of another program keeps
    those. Whether our exports are gone."""
    exports = ask("query-block-exports") or ()
    ours = [export["id"] for export in exports if _kind(export["node-name"]) == VIEW]
    if len(ours) == len(exports):
        ask("nbd-server-stop")
    else:
        for each in ours:
            ask("block-export-del", {"id": each, "mode": "hard"})
    return _are_gone(ask, set(ours))


def _are_gone(ask: Ask, ours: set[str]) -> bool:
    deadline = time.monotonic() + END_SECONDS
    while ours & {export["id"] for export in ask("query-block-exports") or ()}:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _lead_past(ask: Ask, lead: Lead) -> list[list[str]]:
    """Let each disk that leads through a node of ours lead to what lies below it now; note what lies below
    one through which none leads. Returns what lies below each of ours, the disk's own node first."""
    devices, edges = ask("query-block"), list(_edges(ask))
    below = {above: child for above, role, child in edges if OVER.get(_kind(above)) == role}
    led = {device.get("inserted", {}).get("node-name", ""): device for device in devices or ()}
    for name in filter(below.__contains__, led):
        lead(ask, path_of(led[name]), below[name])
    found = [_not_ours(_stands_on(edges, child)) for child in below.values()]
    if devices is not None:
        reached = set(_stands_on(edges, *led))
        for names in found:
            if reached.isdisjoint(names):
                _note_detached(ask, names)
    return found


def _stands_on(edges: Sequence[Edge], *tops: str) -> list[str]:
    """These nodes and all that they stand on, in this order."""
    found = list(filter(None, tops))  # drives may be empty
    for node in found:
        found += [child for above, role, child in edges if above == node and role in STANDS_ON]
    return found


def _not_ours(names: Iterable[str]) -> list[str]:
    """Those with a name that is not ours."""
    return [name for name in names if not (_kind(name) or name.startswith("#"))]


def _note_detached(ask: Ask, names: Sequence[str]) -> None:
    """Note, in QEMU, the nodes of a detached disk."""
    for name in reversed(names):  # QEMU lists the last one first
        ask("blockdev-add", {"driver": "null-co", "node-name": DETACHED + name})


def _close_detached_since(ask: Ask, below: Iterable[Sequence[str]]) -> None:
    """Close what lay `below` ours, of disks that were detached after that was looked at: libvirt could not,
    as ours were there yet."""
    led = {device.get("inserted", {}).get("node-name") for device in ask("query-block") or ()}
    for names in below:
        if led.isdisjoint(names[:1]):
            _close(ask, names)


def _close_detached(ask: Ask, nodes: Iterable[str]) -> None:
    """Close what was noted, so that its files have no lock any more."""
    notes = [name for name in nodes if name.startswith(DETACHED)]
    _close(ask, [note.removeprefix(DETACHED) for note in notes])
    for note in notes:
        ask("blockdev-del", {"node-name": note})


def _close(ask: Ask, names: Sequence[str]) -> None:
    """QEMU refuses it for what something else (a device, a job, an export, another node) stands on."""
    while sum(ask("blockdev-del", {"node-name": name}) is not None for name in names):
        continue  # another was below it


def path_of(device: Mapping[str, Any]) -> str:
    """Where QEMU's object model has a drive of query-block."""
    named: str = device["qdev"]
    return named if named.startswith("/") else PERIPHERAL + named


def children(ask: Ask, role: str) -> Iterator[tuple[str, str]]:
    """Each node with its child in this role ("file", "backing", "data-file")."""
    yield from ((above, child) for above, its_role, child in _edges(ask) if its_role == role)


def _edges(ask: Ask) -> Iterator[Edge]:
    """QEMU 7.2 tells children nowhere else."""
    graph = ask("x-debug-query-block-graph") or {"nodes": (), "edges": ()}
    names = {node["id"]: node.get("name", "") for node in graph["nodes"]}
    for edge in graph["edges"]:
        yield names.get(edge["parent"], ""), edge["name"], names[edge["child"]]


def _remove_deltas(ask: Ask, nodes: Mapping[str, Any]) -> None:
    for name, node in nodes.items():
        if any(bitmap.get("name") == DELTA for bitmap in node.get("dirty-bitmaps", ())):
            ask("block-dirty-bitmap-remove", {"node": name, "name": DELTA})


def _close_files(ask: Ask) -> None:
    """They were handed over as open files."""
    for each in ask("query-fdsets") or ():
        if any(_kind(str(file.get("opaque", ""))) for file in each["fds"]):
            ask("remove-fd", {"fdset-id": each["fdset-id"]})


# -- the program ---------------------------------------------------------------------------------------


def _main(place: str, kind: str, *reached_by: str) -> bool:
    with alone(Path(place)) as lead:
        if lead is None:
            return False
        with _asking_monitor(*reached_by) if kind == "monitor" else _asking_virsh(*reached_by) as ask:
            return take_out(ask, lead)


@contextlib.contextmanager
def _asking_monitor(path: str) -> Iterator[Ask]:
    with socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(ANSWER_SECONDS)
        talk.connect(path)
        said = talk.makefile("rw")
        said.readline()
        _tell(said, "qmp_capabilities")
        yield partial(_tell, said)


def _tell(talk: IO[str], command: str, arguments: Mapping[str, Any] | None = None) -> Any:
    talk.write(json.dumps({"execute": command, "arguments": arguments or {}}) + "\n")
    talk.flush()
    while True:
        answer = json.loads(talk.readline())
        if "return" in answer or "error" in answer:
            return answer.get("return")


@contextlib.contextmanager
def _asking_virsh(virsh: str, uri: str, machine: str) -> Iterator[Ask]:
    yield partial(_virsh, [virsh, "-c", uri, "qemu-monitor-command", machine])


def _virsh(command: list[str], name: str, arguments: Mapping[str, Any] | None = None) -> Any:
    line = json.dumps({"execute": name, "arguments": arguments or {}})
    said = subprocess.run(
        [*command, line],
        capture_output=True,
        text=True,
        timeout=VIRSH_SECONDS,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
    )
    return json.loads(said.stdout).get("return") if said.returncode == 0 else None


def _is_gone(kind: str, *reached_by: str) -> bool:
    """Whether there is no such QEMU any more: with it went all that was in it."""
    if kind == "monitor":
        return not Path(reached_by[0]).exists()
    virsh, uri, machine = reached_by[:3]
    said = subprocess.run(
        [virsh, "-c", uri, "list", "--uuid"],
        capture_output=True,
        text=True,
        timeout=VIRSH_SECONDS,
        check=False,
    )
    return said.returncode == 0 and machine not in said.stdout.split()


if __name__ == "__main__":
    try:
        done = _is_gone(*sys.argv[2:]) or _main(*sys.argv[1:])
    except ConnectionRefusedError:
        done = True  # nobody listens: QEMU is gone
    except (OSError, ValueError, subprocess.TimeoutExpired):
        done = False
    sys.exit(0 if done else 1)
