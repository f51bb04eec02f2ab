"""A machine is started, or stopped, and that is written down where a later vault finds it."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import choosing, command_line, domain, files, keys, leasing, qemu
from .command_line import Wanted
from .problems import Problem
from .store import Point, Replica, Store
from .virsh import Virsh

RECORD = "rescue.jsonl"
QEMU, SOMETHING = "qemu", "another program"
"""What runs a machine, beside the URIs of libvirts."""
NAMESPACE = uuid.UUID("9b2a5f0c-52f3-4a5e-9b1e-3c0f5b0a7d42")
DEFAULT_MEMORY_BYTES = 2 * 2**30
CONSISTENT = {"app": "app-consistent", "crash": "crash-consistent"}


@dataclass(frozen=True)
class Ways:
    """How machines are run. `uri`: of libvirt, None for plain QEMU; `networks`: by card, in place of what is known; `connect`: whether
    cards are connected at all."""

    uri: str | None = None
    key_file: Path | None = None
    connect: bool = True
    networks: Mapping[str, str] = field(default_factory=dict)
    emulated: bool = False


def started(store: Store, replica: Replica, wanted: str, ways: Ways) -> str:
    """Gives a sentence; harmless if it runs already. Raises Problem. The store is locked by the caller."""
    key, point = keys.key_for(replica, ways.key_file), choosing.chosen(replica, wanted)
    if not point.definition and not replica.start:
        raise Problem(
            f"{point.id} of {replica.name} does not say what machine it is of.", "Choose another point."
        )
    _networks(replica, point.definition, ways)  # what was typed wrong leaves the replica as it is
    if ways.uri and not replica.start.get("xml"):
        raise Problem(
            f"How libvirt starts {replica.name} was never said by its appliance.", "Use plain QEMU: --qemu."
        )
    disks = leasing.opened(replica, point, key)
    try:
        said = _begun(store, replica, point, disks, key, ways)
    except Problem as problem:
        undo = f"To let its replica take cycles again instead: 'discard {replica.name}'."
        raise Problem(problem.what, f"{problem.do} {undo}".strip()) from problem
    taken = f"{point.taken_at}, {CONSISTENT.get(point.consistency, point.consistency)}"
    return f"{replica.name} runs from {point.id} ({taken}){said}"


def _begun(
    store: Store, replica: Replica, point: Point, disks: dict[str, Path], key: Path | None, ways: Ways
) -> str:
    if running(replica) == SOMETHING:
        raise Problem(
            f"Another program runs {replica.name}.", f"Look for it: 'fuser {replica.run_folder}/*.qcow2'."
        )
    note(store, replica, "starts", point=point.id, way=ways.uri or QEMU)
    files.write(_way_file(replica), (ways.uri or QEMU).encode())
    said = (
        _by_libvirt(replica, point, disks, key, ways)
        if ways.uri
        else _by_qemu(replica, point, disks, key, ways)
    )
    note(store, replica, "started", point=point.id, way=ways.uri or QEMU, uuid=uuid_of(replica))
    return said


def stopped(store: Store, replica: Replica, grace_seconds: float) -> str:
    """Gives a sentence; raises Problem if something runs it that cannot be asked."""
    way = running(replica)
    if way is None:
        return f"{replica.name} does not run here"
    if way == QEMU:
        said = qemu.stop(folder(replica), qemu.sockets(replica.id), grace_seconds)
        qemu.disconnect({nic["key"]: None for nic in _definition(replica).get("nics", ())}, replica.id)
    elif way == SOMETHING:
        raise Problem(
            f"A program that is not known here runs {replica.name}.",
            f"Look for it: 'fuser {replica.run_folder}/*.qcow2'.",
        )
    else:
        said = Virsh(way).stop(uuid_of(replica), grace_seconds)
    note(store, replica, "stopped", way=way)
    return f"{replica.name}: {said}"


def discarded(store: Store, replica: Replica) -> str:
    """Gives a sentence; raises Problem while the machine runs."""
    if running(replica) is not None:
        raise Problem(f"{replica.name} runs.", f"Stop it first: 'stop {replica.name}'.")
    for uri in _uris(replica):
        with contextlib.suppress(Problem):  # a definition that is left starts nothing: its files are gone
            Virsh(uri).forget(uuid_of(replica))
    said = leasing.discarded(replica)
    note(store, replica, "discarded")
    return said


def running(replica: Replica) -> str | None:
    """QEMU, the URI of the libvirt that runs it, or SOMETHING that writes its disks; None if nothing does."""
    if replica.run is None:
        return None
    if qemu.pid(folder(replica)) is not None:
        return QEMU
    for uri in _uris(replica):
        with contextlib.suppress(Problem):
            if Virsh(uri).runs(uuid_of(replica)):
                return uri
    return SOMETHING if leasing.in_use(replica) else None


def now() -> datetime:
    """By this host's clock, in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 Python 3.9 has no datetime.UTC


def uuid_of(replica: Replica) -> str:
    """The same at every start, and that by which its appliance knows it, if that was ever said."""
    return str(replica.start.get("fabric_id") or uuid.uuid5(NAMESPACE, replica.id))


def folder(replica: Replica) -> Path:
    """Where plain QEMU has its sockets, its console and the machine's variables."""
    return replica.run_folder / "qemu"


def note(store: Store, replica: Replica, did: str, **more: str) -> None:
    """Write down what was done; durable when it returns."""
    at = now().isoformat(timespec="seconds")
    who = {"at": at, "by": getpass.getuser(), "host": socket.gethostname()}
    body = {**who, "did": did, "machine_id": replica.id, "machine": replica.name, **more}
    files.append(store.root / RECORD, json.dumps(body, sort_keys=True))


def _definition(replica: Replica) -> dict[str, Any]:
    run = replica.run
    return {} if run is None else replica.point(str(run["point_id"])).definition


def _way_file(replica: Replica) -> Path:
    return replica.run_folder / "way"


def _uris(replica: Replica) -> list[str]:
    """The libvirts that may run it: the one that was used last, and that of its appliance."""
    try:
        used = _way_file(replica).read_text(encoding="utf-8")
    except OSError:
        used = QEMU
    found = [each for each in (used, str(replica.start.get("uri") or QEMU)) if each != QEMU]
    return list(dict.fromkeys(found))


def _networks(replica: Replica, definition: Mapping[str, Any], ways: Ways) -> dict[str, str | None]:
    """By the keys of its cards: what is asked for now, else what its appliance would connect it to."""
    known = replica.start.get("networks") or {}
    cards = [str(nic["key"]) for nic in definition.get("nics", ())]
    unknown = ", ".join(sorted(ways.networks.keys() - set(cards)))
    if unknown:
        raise Problem(f"{replica.name} has no card {unknown}.", f"It has {', '.join(cards) or 'none'}.")
    return {card: (ways.networks.get(card) or known.get(card)) if ways.connect else None for card in cards}


def _by_qemu(replica: Replica, point: Point, disks: dict[str, Path], key: Path | None, ways: Ways) -> str:
    definition = point.definition
    networks = _networks(replica, definition, ways)
    is_uefi = definition.get("firmware") == "uefi" or "nvram" in point.firmware
    kept, said = _variables(replica, point)
    wanted = Wanted(
        name=str(replica.start.get("name") or replica.name),
        uuid=uuid_of(replica),
        definition=definition,
        ours=str(replica.start.get("xml") or ""),
        disks=disks,
        encrypted_files={name: len(_chain(path)) for name, path in disks.items()} if key else {},
        key=key,
        taps=qemu.connected(networks, replica.id),
        macs=replica.start.get("macs") or {},
        vcpus=int(replica.start.get("vcpus") or definition.get("vcpus") or 1),
        memory_bytes=int(
            replica.start.get("memory_bytes") or definition.get("memory_bytes") or DEFAULT_MEMORY_BYTES
        ),
        variables=qemu.variables(folder(replica), kept) if is_uefi else None,
        folder=folder(replica),
        sockets=qemu.sockets(replica.id),
        emulated=ways.emulated,
    )
    qemu.start(wanted)
    lacks = [*command_line.left_out(wanted), *said]
    return (
        f" by plain QEMU, console {wanted.folder / 'console.log'}, screen vnc+unix://{wanted.sockets / 'vnc'}"
        + "".join(f"; {each}" for each in lacks)
    )


def _by_libvirt(replica: Replica, point: Point, disks: dict[str, Path], key: Path | None, ways: Ways) -> str:
    virsh, networks = Virsh(str(ways.uri)), _networks(replica, point.definition, ways)
    macs = replica.start.get("macs") or {}
    kept, said = _variables(replica, point)
    is_uefi = "nvram" in point.firmware
    if key is not None:
        virsh.tell(str(replica.key_id), key)
    place = domain.Files(
        disks=disks,
        chains={name: _chain(path) for name, path in disks.items()} if key else {},
        key_id=replica.key_id if key else None,
        variables=qemu.variables(folder(replica), kept) if is_uefi else None,
        networks={
            str(macs.get(nic["key"]) or nic["mac"]).lower(): networks[nic["key"]]
            for nic in point.definition.get("nics", ())
        },
    )
    virsh.start(uuid_of(replica), domain.placed(str(replica.start["xml"]), place))
    return f" by libvirt ({virsh.uri})" + "".join(f"; {each}" for each in said)


def _variables(replica: Replica, point: Point) -> tuple[Path | None, list[str]]:
    """The file with its UEFI variables, and what is to be said of that."""
    kept = point.firmware.get("nvram")
    if kept is None:
        return None, []
    if replica.key_id is not None:
        return None, ["its UEFI variables are encrypted, so it has fresh ones"]
    return replica.folder / str(kept["file"]), []


def _chain(path: Path) -> list[Path]:
    told = json.loads(leasing.qemu_img("info", "--output=json", "--backing-chain", "-U", str(path)))
    return [Path(os.path.abspath(each["filename"])) for each in told]
