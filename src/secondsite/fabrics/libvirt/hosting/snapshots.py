"""Keeps the snapshots that a machine's owner has at home. libvirt forgets them when the machine is withdrawn,
so they are saved, and defined again once the machine is on its own disks."""

import json
from pathlib import Path
from typing import Any

import libvirt
import structlog

from ....domain import errors
from ....ground import durable
from ..host import connection, domain_xml, inventory, unescaped

log = structlog.get_logger()

PARENTS_FIRST = libvirt.VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL
SECURE = libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE
REDEFINE, CURRENT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT


def put_aside(domain: Any, file: Path) -> None:
    """Save the definitions of the machine's snapshots; writes no file if there are none."""
    found = connection.call("listing snapshots", domain.listAllSnapshots, PARENTS_FIRST)
    if not found:
        file.unlink(missing_ok=True)
        return
    kept = [
        {
            "xml": unescaped.escaped(connection.call("reading a snapshot", each.getXMLDesc, SECURE)),
            "current": bool(connection.call("reading a snapshot", each.isCurrent)),
        }
        for each in found
    ]
    durable.write(file, json.dumps({"disks": _files(domain), "snapshots": kept}))


def give_back(domain: Any, file: Path) -> None:
    """Define the saved snapshots again; harmless when repeated. Snapshots belong to files: on other files,
    such as those of a new copy, they mean nothing. If libvirt refuses one, the saved file stays, and that is
    no error."""
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        return
    if kept["disks"] != _files(domain):
        return
    there = set(connection.call("listing snapshots", domain.snapshotListNames))
    for each in kept["snapshots"]:
        if domain_xml.parse(each["xml"]).findtext("name") in there:
            continue
        try:
            flags = REDEFINE | (CURRENT if each["current"] else 0)
            connection.call("telling of a snapshot", domain.snapshotCreateXML, each["xml"], flags)
        except errors.FabricError as problem:
            log.warning("snapshot.not-given-back", machine=domain.name(), file=str(file), why=problem.message)
            return
    file.unlink()


def _files(domain: Any) -> dict[str, str | None]:
    """The files that the machine's disks are on, by disk key."""
    root = domain_xml.parse(inventory.definition_xml(domain))
    return {disk.key: disk.path for disk in domain_xml.disks(root)}
