"""Starts and stops machines, and discards what they wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from . import choosing, keys, leasing, output, owners, stand_ins
from .comparing import verifying
from .problems import Problem, Refused
from .running import by_libvirt, by_qemu, looking, qemu
from .running.looking import QEMU, SOMETHING
from .running.request import Start, Ways, cards_of, folder, networks_of, uuid_of
from .running.virsh import Virsh
from .store import Point, Replica
from .store_notes import note

CONSISTENT = {"app": "app-consistent", "crash": "crash-consistent"}


def started(replica: Replica, wanted: str, ways: Ways, ask: owners.Asked) -> str:
    """Start the machine; returns a sentence. Harmless if it runs already. A person is asked before its
    replica is taken over from an appliance of another host. Raises Problem. The caller has locked the
    store."""
    former = owners.given_up(replica, ask)
    key = keys.key_for(replica, ways.key_file)
    found: dict[str, verifying.Comparison] = {}

    def problem_of(each: Point) -> str:
        found[each.id] = verifying.compared(replica, each, key, ways.compare_seconds)
        return found[each.id].problem

    point, passed = choosing.whole(replica, wanted, problem_of)
    way = looking.running(replica)
    if way == SOMETHING:
        raise _unknown(replica)
    if way is not None:
        return f"{replica.name} runs already, from {point.id} ({way})"
    if not point.definition and not replica.start:
        raise Problem(
            f"{point.id} of {replica.name} does not say what machine it is of.", "Choose another point."
        )
    networks_of(replica, point, ways)  # what was typed wrong leaves the replica as it is
    if ways.uri and not replica.start.get("xml"):
        raise Problem(
            f"How libvirt starts {replica.name} was never said by its appliance.", "Use plain QEMU: --qemu."
        )
    looking.require_no_other(replica, looking.uris(replica), ways.uri)
    if not ways.uri:
        qemu.prepare(replica.id)
    replica.release_reserve()
    taken_over = owners.take(replica, former) if former is not None else ""
    is_new = replica.run is None
    disks = leasing.opened(replica, point, key)
    try:
        standing = stand_ins.opened(replica, point, key)
        start = Start(replica, point, {**disks, **standing.disks}, key, ways, standing)
        said = _begun(start)
    except Problem as problem:
        undone = _undone(replica, problem) if is_new else ""
        raise Problem(problem.what, f"{problem.do} {undone}".strip()) from problem
    taken = f"{output.instant(point.taken_at)}, {CONSISTENT.get(point.consistency, point.consistency)}"
    return (
        f"{replica.name} runs from {point.id} "
        f"({taken}){passed}{_compared(replica, found.get(point.id))}{said}{standing.said}{taken_over}"
        f"{after_start(replica)}"
    )


def _undone(replica: Replica, problem: Problem) -> str:
    """Undo a start that libvirt refused; returns what a person has to know. After any other problem the
    machine may have been begun, so only a person gives up what it may have written."""
    if isinstance(problem, Refused):
        with contextlib.suppress(Problem, OSError):
            discarded(replica)
            return f"Nothing is left of the start: the replica of {replica.name} takes cycles again."
    return f"To let its replica take cycles again instead: 'discard {replica.typed}'."


def _compared(replica: Replica, found: verifying.Comparison | None) -> str:
    """What was compared before the start, as the end of a sentence."""
    if found is None:
        return ""
    done = (
        f"; {', '.join(found.compared)}: compared with what was sealed, and the same"
        if found.compared
        else ""
    )
    left = f"; not compared: {', '.join(found.left)}; 'verify {replica.typed}' does" if found.left else ""
    return done + left


def stopped(replica: Replica, grace_seconds: float) -> str:
    """Stop the machine; returns a sentence. Raises Problem if it is run by something that cannot be asked to
    stop."""
    way = looking.running(replica)
    if way is None:
        return f"{replica.name} does not run here" + "".join(looking.others(replica, looking.uris(replica)))
    if way == SOMETHING:
        raise _unknown(replica)
    if way == QEMU:
        said = qemu.stop(folder(replica), qemu.sockets(replica.id), grace_seconds)
        qemu.disconnect(
            [str(nic["key"]) for nic in cards_of(replica, choosing.chosen(replica, choosing.LATEST))],
            replica.id,
        )
    else:
        said = Virsh(way).stop(uuid_of(replica), grace_seconds)
    note(replica, "stopped", way=way)
    return f"{replica.name}: {said}"


def discarded(replica: Replica) -> str:
    """Discard what the machine wrote; returns a sentence. Raises Problem while it runs, or if that is the
    only copy of the machine."""
    owners.require_ours(replica)
    if looking.running(replica) is not None:
        raise Problem(f"{replica.name} runs.", f"Stop it first: 'stop {replica.typed}'.")
    uris = looking.uris(replica)
    said = leasing.discarded(replica)
    for uri in uris:
        with contextlib.suppress(Problem):  # a definition that is left starts nothing: its files are gone
            if looking.is_its_own(replica, Virsh(uri).disks(uuid_of(replica)) or []):
                Virsh(uri).forget(uuid_of(replica))
    note(replica, "discarded")
    return said


def _begun(start: Start) -> str:
    replica, way = start.replica, start.ways.uri or QEMU
    note(replica, "starts", point=start.point.id, way=way)
    looking.remember(replica, way)
    said = by_libvirt.run(start, start.ways.uri) if start.ways.uri else by_qemu.run(start)
    note(replica, "started", point=start.point.id, way=way, uuid=uuid_of(replica))
    return said


def _unknown(replica: Replica) -> Problem:
    return Problem(
        f"A program that is not known here runs {replica.name}.",
        f"Look for it: 'fuser {replica.run_folder}/*.qcow2'.",
    )


# What the former vault would have done after a start, for the person who does it by hand now.


def after_start(replica: Replica) -> str:
    """Sentences, each after a semicolon; empty if nothing is known."""
    return "".join(f"; {each}" for each in _all(replica.said))


def _all(said: Mapping[str, Any]) -> Iterator[str]:
    """The sentences. Data of a vault of another release may be different: what is not understood is left
    out."""
    checks = [_check(each) for each in _items(said, "checks")]
    if checks:
        yield f"its vault would have checked: {', '.join(checks)}"
    for card in _items(said, "cards"):
        if card.get("address"):
            via = f" by {card['gateway']}" if card.get("gateway") else ""
            yield f"its card {card.get('mac')} is to have the address {card['address']}{via}: set it inside"
        if card.get("names"):
            yield f"these names are to point to it: {', '.join(map(str, card['names']))}"
    if said.get("group"):
        yield (
            f"it belongs to the replication group '{said['group']}': start its machines from points of one "
            "set"
        )


def _check(check: Mapping[str, Any]) -> str:
    port = f" on port {check['port']}" if check.get("port") else ""
    text = f" that says '{check['text']}'" if check.get("text") else ""
    return f"{check.get('name')} ({check.get('kind')}{port}{text})"


def _items(said: Mapping[str, Any], what: str) -> list[Mapping[str, Any]]:
    found = said.get(what)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
