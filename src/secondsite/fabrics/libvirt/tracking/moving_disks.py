"""Takes our bitmaps along when a block copy moves a disk of a running machine to another file.

libvirt forgets bitmaps that only QEMU knows, and those of a copy that keeps none. So once the copy is equal,
each bitmap is begun at the copy, with all marks that the disk's own has, in one transaction: what the guest
writes from then on is copied, and marks both."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ....domain import errors
from ..host import connection, inventory, monitor
from . import bitmaps, filter_view, filters


def mark(domain: Any, key: str) -> None:
    """Begin at the copy of this disk, which is equal, the bitmaps that the disk has. No view of the machine
    is open. Harmless when repeated. Raises FabricError."""
    connection.call("taking bitmaps along", _mark, domain, key)


def _mark(domain: Any, key: str) -> None:
    nodes = {
        each["node-name"]: each for each in monitor.execute(domain, "query-named-block-nodes", flat=True)
    }
    chain, target = _files(domain, key)
    kept, new = bitmaps.is_kept(nodes[target]), _ours(nodes[target])
    actions: list[dict[str, Any]] = []
    for name, granularity in _recording(nodes[chain[0]]).items():
        if name not in new:
            begun = {"node": target, "name": name, "granularity": granularity, "persistent": kept}
            marks = [{"node": node, "name": name} for node in chain if name in _ours(nodes[node])]
            merged = {"node": target, "target": name, "bitmaps": marks}
            actions += [
                {"type": "block-dirty-bitmap-add", "data": begun},
                {"type": "block-dirty-bitmap-merge", "data": merged},
            ]
    if actions:
        monitor.execute(domain, "transaction", actions=actions)


def _files(domain: Any, key: str) -> tuple[list[str], str]:
    """The nodes of a disk's files, top first, and that of its copy."""
    ask = partial(filter_view.ask, domain)
    seen = bitmaps.RunningDisks.of(inventory.live_disks(domain), monitor.drives(domain))
    top = seen.media.get(key, {}).get("node-name", "")  # QEMU leaves out the copy's own node above it
    copies = {node: copy for copy, node in filters.children(ask, "source")}
    target = dict(filters.children(ask, "target")).get(copies.get(top, ""))
    backing = dict(filters.children(ask, "backing"))
    if target is None:
        raise errors.FabricError(f"Disk {key} of '{domain.name()}' is not being copied.")
    chain = [top]
    while chain[-1] in backing:
        chain.append(backing[chain[-1]])
    return chain, target


def _ours(node: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The bitmaps of ours that a node has, by name."""
    found = {each.get("name", ""): each for each in node.get("dirty-bitmaps", ())}
    return {name: each for name, each in found.items() if name.startswith(bitmaps.OURS)}


def _recording(top: Mapping[str, Any]) -> dict[str, int]:
    """The granularity, in bytes, of each bitmap that records what the guest writes now."""
    return {
        name: int(each["granularity"])
        for name, each in _ours(top).items()
        if each["recording"] and not each.get("inconsistent", False)
    }
