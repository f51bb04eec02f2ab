"""The frozen view of a running machine: a copy-before-write filter on each disk.

Scratch that is full, slow or gone breaks the view, never a write of the guest (P1): the filter gives up
after `TIMEOUT_SECONDS`, and from then on reads of the view fail. No job holds the machine meanwhile, so the
calls of its owner do not wait for the view. Opened step by step through QEMU's monitor; `filters` takes out
whatever is there."""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ....domain import errors
from ... import interface
from ..host import connection, inventory, monitor
from . import bitmaps, filters, view_plan
from .view_plan import ViewPlan

SINCE = (7, 1)
TIMEOUT_SECONDS = 5
MOST_CONNECTIONS = 100
LISTENER = "ss-listener"
BACKLOG = 128
END_SECONDS, LOOK_SECONDS = filters.STALE_SECONDS + 10, 0.05

Transaction = Sequence[tuple[str, dict[str, Any]]]


def begin(plan: ViewPlan, place: Path) -> tuple[datetime, float]:
    """Opens the view; `place` is as for `filters.alone`. Returns its instant (every write that ended by then
    is in the view), and for how many seconds the guest's disks may have waited while they were led through
    the filters.

    The new bitmap begins before the instant, and the delta is taken after it: a write between them is in
    both, never in none."""
    view_plan.clear(plan)
    view_plan.make_scratch(plan)
    with alone(plan.domain, place) as lead:
        connection.call("preparing a view", _prepare, plan, lead)
        with plan.request.instant():
            taken_at, pause_seconds = connection.call("beginning a view", _switch, plan)
        connection.call("serving a view", _serve_deltas, plan, lead)
    return taken_at, pause_seconds


Lead = Callable[[Mapping[str, Any], str], None]
"""lead(drive, node) leads a drive of query-block to a node. Raises FabricError."""


@contextlib.contextmanager
def alone(domain: Any, place: Path) -> Iterator[Lead]:
    """As filters.alone. Raises FabricError while another is at it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with filters.alone(place) as lead:
        if lead is None:
            raise _busy(domain)
        yield partial(_lead, domain, lead)


def _busy(domain: Any) -> errors.FabricError:
    return errors.FabricError(
        f"The disks of '{domain.name()}' are just being led past the filters of a former view.",
        do="This ends within a minute; replication goes on by itself.",
    )


def _lead(domain: Any, lead: filters.Lead, drive: Mapping[str, Any], node: str) -> None:
    problem: errors.SecondsiteError = _busy(domain)

    def ask(command: str, arguments: dict[str, Any]) -> Any:
        nonlocal problem
        try:
            return monitor.execute(domain, command, **arguments)
        except errors.DeadlineExceeded:
            raise  # it may still come to that
        except errors.SecondsiteError as error:
            problem = error
            return None

    if lead(ask, filters.path_of(drive), node) is None:
        raise problem


def _prepare(plan: ViewPlan, lead: Lead) -> None:
    """All that does not touch what the guest does. The gates come first: from then on QEMU begins no commit,
    whose end a filter on the overlay would not survive in QEMU 7.2, nor with it the guest."""
    _require_no_jobs(plan)
    for key in plan.request.disks:
        monitor.execute(plan.domain, "blockdev-add", **_gate(key, to=_node(plan, key)))
        lead(plan.drives[key], filters.GATE + key)
    _require_no_jobs(plan)
    for key in plan.request.disks:
        _add_scratch(plan, key)
    _serve(plan)
    if not plan.request.trial:
        _run(plan.domain, [_new_bitmap(plan, key) for key in plan.request.disks])
    for key in plan.request.disks:
        _add_filter(plan, key)


def _require_no_jobs(plan: ViewPlan) -> None:
    jobs = monitor.execute(plan.domain, "query-block-jobs")
    if any(job["status"] != "concluded" for job in jobs):
        raise errors.FabricError(
            f"A block job runs on a disk of '{plan.domain.name()}'.",
            do="See what it is with 'virsh blockjob' and let it end; replication goes on by itself.",
        )


def _new_bitmap(plan: ViewPlan, key: str) -> tuple[str, dict[str, Any]]:
    kept = bitmaps.is_kept(plan.drives[key]["inserted"])
    named = {"node": _node(plan, key), "name": plan.request.new_checkpoint, "persistent": kept}
    return "block-dirty-bitmap-add", named


def _serve_deltas(plan: ViewPlan, lead: Lead) -> None:
    for key in plan.request.disks:
        lead(plan.drives[key], filters.FILTER + key)
        monitor.execute(plan.domain, "blockdev-del", node_name=filters.GATE + key)
    _take_deltas(plan)
    for key in plan.request.disks:
        _export(plan, key)


def _add_scratch(plan: ViewPlan, key: str) -> None:
    name = filters.SCRATCH + key
    opened = hand_over(plan.domain, plan.scratch(key), name)
    monitor.execute(plan.domain, "blockdev-add", driver="qcow2", node_name=name, file=opened)


def hand_over(domain: Any, path: Path, name: str) -> dict[str, str]:
    """How QEMU finds a file that it gets opened, so that it needs no permission for the folder; `name` is
    that of the node that it is for."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        added = monitor.execute_with_file(domain, file, "add-fd", opaque=name)
    finally:
        os.close(file)
    return {"driver": "file", "filename": f"/dev/fdset/{added['fdset-id']}"}


def _serve(plan: ViewPlan) -> None:
    """Start QEMU's server of our socket, without exports yet."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plan.socket))
        listener.listen(BACKLOG)
        monitor.execute_with_file(plan.domain, listener.fileno(), "getfd", fdname=LISTENER)
    address = {"type": "fd", "data": {"str": LISTENER}}
    try:
        monitor.execute(plan.domain, "nbd-server-start", addr=address, max_connections=MOST_CONNECTIONS)
    except errors.FabricError as error:
        monitor.execute(plan.domain, "closefd", fdname=LISTENER)
        raise errors.FabricError(
            f"Another program reads the disks of '{plan.domain.name()}' from its QEMU: {error.message}",
            do="Let that backup or copy end; replication goes on by itself.",
        ) from error


def _node(plan: ViewPlan, key: str) -> str:
    return str(plan.drives[key]["inserted"]["node-name"])


def _add_filter(plan: ViewPlan, key: str) -> None:
    monitor.execute(
        plan.domain,
        "blockdev-add",
        driver="copy-before-write",
        node_name=filters.FILTER + key,
        file=_node(plan, key),
        target=filters.SCRATCH + key,
        on_cbw_error="break-snapshot",
        cbw_timeout=TIMEOUT_SECONDS,
        discard="unmap",
    )


def _gate(key: str, to: str) -> dict[str, Any]:
    """A node that passes all on. A drive can only be exchanged by itself; what several gates lead to, QEMU
    exchanges in one act, between two requests of the guest."""
    return {"driver": "raw", "node-name": filters.GATE + key, "file": to, "discard": "unmap"}


def _switch(plan: ViewPlan) -> tuple[datetime, float]:
    """Lead all disks through their filters at one instant; the guest is not stopped."""
    _require_as_they_were(plan)
    taken_at, started = datetime.now(UTC), time.monotonic()
    gates = [_gate(key, to=filters.FILTER + key) for key in plan.request.disks]
    monitor.execute(plan.domain, "blockdev-reopen", options=gates)
    pause_seconds = time.monotonic() - started
    _require_on_their_nodes(plan)
    return taken_at, pause_seconds


def _require_as_they_were(plan: ViewPlan) -> None:
    """Raises FabricError for a disk that was resized: a filter of the former size fails writes beyond it."""
    nodes = monitor.execute(plan.domain, "query-named-block-nodes", flat=True)
    sizes = {each["node-name"]: each["image"]["virtual-size"] for each in nodes}
    for key in plan.request.disks:
        if sizes.get(filters.FILTER + key) != sizes.get(_node(plan, key)):
            raise _changed(plan, key)


def _require_on_their_nodes(plan: ViewPlan) -> None:
    """Raises FabricError for a disk that got an overlay before the instant: its base has no mark of what was
    written to that."""
    below = dict(filters.children(partial(ask, plan.domain), "file"))
    for key in plan.request.disks:
        if below.get(filters.FILTER + key) != _node(plan, key):
            raise _changed(plan, key)


def _changed(plan: ViewPlan, key: str) -> errors.FabricError:
    return errors.FabricError(
        f"Disk {key} of '{plan.domain.name()}' was resized, or got a snapshot, as a view was opened.",
        do="Nothing is to be done; replication goes on by itself.",
    )


def _take_deltas(plan: ViewPlan) -> None:
    based = [key for key in plan.request.disks if key in plan.bases]
    actions: list[tuple[str, dict[str, Any]]] = []
    for key in based:
        node, bases = _node(plan, key), list(_bases(plan, key))
        actions += [
            ("block-dirty-bitmap-add", {"node": node, "name": filters.DELTA, "disabled": True}),
            ("block-dirty-bitmap-merge", {"node": node, "target": filters.DELTA, "bitmaps": bases}),
        ]
    if actions:
        _run(plan.domain, actions)


def _bases(plan: ViewPlan, key: str) -> Iterator[dict[str, str]]:
    """The bitmaps of the base in the disk's files: an overlay of the owner's began its own."""
    name, node = plan.bases[key], _node(plan, key)
    yield {"node": node, "name": name}
    if not plan.is_backed(key):
        return
    backing = dict(filters.children(partial(ask, plan.domain), "backing"))
    nodes = monitor.execute(plan.domain, "query-named-block-nodes", flat=True)
    having = {
        each["node-name"]
        for each in nodes
        if any(bitmap.get("name") == name for bitmap in each.get("dirty-bitmaps", ()))
    }
    while (node := backing.get(node, "")) in having:
        yield {"node": node, "name": name}


def _export(plan: ViewPlan, key: str) -> None:
    view = filters.VIEW + key
    monitor.execute(
        plan.domain, "blockdev-add", driver="snapshot-access", node_name=view, file=filters.FILTER + key
    )
    bitmaps = [{"node": _node(plan, key), "name": filters.DELTA}] if key in plan.bases else []
    monitor.execute(
        plan.domain,
        "block-export-add",
        type="nbd",
        id=view,
        node_name=view,
        name=key,
        bitmaps=bitmaps,
    )


def _run(domain: Any, actions: Transaction) -> None:
    monitor.execute(domain, "transaction", actions=[{"type": kind, "data": data} for kind, data in actions])


class FilterEnd:
    """Takes the filters of one machine out, by whichever thread comes first. `place` is as for
    `filters.alone`; `answers`: whether its scratch space does."""

    def __init__(self, domain: Any, place: Path, answers: Callable[[], bool]) -> None:
        self._domain, self._place, self._answers = domain, place, answers
        self._lock = threading.Lock()

    def end(self) -> None:
        """Takes our filters out and waits until they are gone; a machine that went off has none any more.
        Raises DeadlineExceeded, also while scratch space hangs: then they stay, for the guest would hang."""
        deadline = time.monotonic() + END_SECONDS
        with self._lock, contextlib.suppress(errors.NotFound):
            if not self._answers():
                raise errors.DeadlineExceeded(
                    f"The scratch space of the view of '{self._domain.name()}' does not answer, so the view "
                    "stays open: the machine would wait with it.",
                    do="Check the file system of the appliance's scratch folder; replication then goes on by "
                    "itself.",
                )
            while not connection.call("ending a view", self._take_out):
                if inventory.power_of(self._domain) is interface.PowerState.OFF:
                    return
                if time.monotonic() > deadline:
                    raise errors.DeadlineExceeded(
                        f"The view of '{self._domain.name()}' did not end within {END_SECONDS:.0f} s.",
                        do="It is ended again before the next view; replication goes on by itself.",
                    )
                time.sleep(LOOK_SECONDS)

    def _take_out(self) -> bool:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        with filters.alone(self._place) as lead:
            return lead is not None and filters.take_out(partial(ask, self._domain), lead)


def ask(domain: Any, command: str, arguments: dict[str, Any] | None = None) -> Any:
    """As filters.Ask. Raises NotFound, DeadlineExceeded."""
    try:
        return monitor.execute(domain, command, **(arguments or {}))
    except errors.DeadlineExceeded:
        raise
    except errors.FabricError:
        return None


def rescue(hypervisor: connection.Hypervisor, domain: Any, place: Path) -> tuple[str, ...]:
    """How a process without a driver takes the filters out; raises FabricError if it could not."""
    place.parent.mkdir(parents=True, exist_ok=True)
    program = ("program", sys.executable, "-I", "-S", str(Path(filters.__file__)), str(place))
    root = hypervisor.embedded_root
    if root is not None:
        for found in (root / "lib" / "qemu").glob(f"domain-{domain.ID()}-*/monitor.sock"):
            return (*program, "monitor", str(found))
    return (*program, "virsh", connection.virsh(), hypervisor.uri, domain.UUIDString())
