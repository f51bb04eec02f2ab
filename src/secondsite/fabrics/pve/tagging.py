"""Our tag on a machine, and nothing touched that does not carry it.

A change names the definition that was read (its digest): if somebody else changed it meanwhile, Proxmox VE
refuses, and it is read and judged again."""

from __future__ import annotations

from collections.abc import Callable

from ...domain import errors
from . import marks
from .connection import Connection
from .definition import wants_host_start
from .errors import PveRefused
from .inventory import not_found
from .machines import Known, Machines

TRIES = 3
CHANGED = "checksum mismatch"


def nothing_first(_fabric_id: str) -> None:
    """There are no cycles."""


class PveTags:
    """What of change tracking needs no view: the tag."""

    def __init__(self, connection: Connection, machines: Machines) -> None:
        self._connection, self._machines = connection, machines
        self.first: Callable[[str], None] = nothing_first
        """Frees a machine of a cycle of ours, whose lock keeps its definition."""

    def enable(self, fabric_id: str, tag: str) -> None:
        """Tags a machine that its owner protects. Raises NotOurs if it has another tag."""
        self._write(fabric_id, tag, tag, untagged=True)

    def disable(self, fabric_id: str) -> None:
        """Takes our tag off a machine; harmless if it has none, or is gone."""
        found = self._machines.find(fabric_id)
        if found is not None and found.tag is not None:
            self._write(fabric_id, found.tag, None)

    def mark(self, fabric_id: str, tag: str, *, forbidden: bool, with_host: bool) -> None:
        """Sets whether its start is forbidden, and whether it starts with its host. Raises NotOurs,
        NotFound."""
        self._write(fabric_id, tag, tag, forbidden=forbidden, with_host=with_host)

    def ours(self, fabric_id: str) -> Known:
        """The machine as it is now. Raises NotFound, and NotOurs without a tag of ours."""
        found = self._found(fabric_id)
        if found.tag is None:
            raise _not_ours(found)
        return found

    def _found(self, fabric_id: str) -> Known:
        found = self._machines.find(fabric_id)
        if found is None:
            raise not_found(fabric_id)
        return found

    def _write(
        self,
        fabric_id: str,
        required: str,
        tag: str | None,
        *,
        untagged: bool = False,
        forbidden: bool | None = None,
        with_host: bool | None = None,
    ) -> None:
        for left in reversed(range(TRIES)):
            found = self._found(fabric_id)
            if found.tag != required and not (untagged and found.tag is None):
                raise _not_ours(found)
            wanted = {"tags": _tags(found, tag, forbidden)}
            if with_host is not None:
                wanted["onboot"] = str(int(with_host))
            try:
                self._put(found, wanted)
            except PveRefused as problem:
                if CHANGED in problem.message and left:
                    continue
                raise
            return

    def _put(self, found: Known, wanted: dict[str, str]) -> None:
        """Changes what differs; what is empty is removed."""
        changed = {key: value for key, value in wanted.items() if found.config.get(key, "") != value}
        if not changed:
            return
        fields = {key: value for key, value in changed.items() if value}
        gone = ",".join(key for key, value in changed.items() if not value)
        fields |= {"delete": gone} if gone else {}
        self.first(found.fabric_id)
        self._connection.put(f"{found.path}/config", {**fields, "digest": found.config.get("digest", "")})
        self._machines.find(found.fabric_id)


def _tags(found: Known, tag: str | None, forbidden: bool | None) -> str:
    """What was not asked to change stays."""
    keep = found.is_start_forbidden if forbidden is None else forbidden
    with_host = wants_host_start(found.row, found.config)
    return marks.marked(found.row.vmid, found.tags, tag, forbidden=keep, with_host=with_host)


def _not_ours(found: Known) -> errors.NotOurs:
    has = "has no tag of ours" if found.tag is None else f"has the tag {found.tag}"
    return errors.NotOurs(
        f"{found.row.label} {has}: nothing was changed.", do="Protect it first, or end its other protection."
    )
