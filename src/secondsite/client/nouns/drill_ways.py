"""People in the machine of an open test failover."""

from ...domain.drills.ways import WayKind
from ...wire.rest.access import drill_passes as rest
from .. import lines
from ..connection import Connection, path, request
from ..lines import Line


class OpenDrill:
    """The open test failover of a machine. All calls raise NotFound for an unknown machine, NotPossibleNow
    without an open test failover."""

    def __init__(self, connection: Connection, machine: str) -> None:
        self._connection = connection
        self._machine = machine

    def entries(self) -> rest.DrillEntries:
        """Who may come in now, and who did."""
        return self._connection.one(rest.DrillEntries, "GET", self._path("passes"))

    def give_pass(self, who: str, *, lasts_seconds: int = 28800) -> rest.DrillPassInfo:
        """Lets a person in for that long; the name is that of a token, or of a person who logs in. Raises
        NotFound for a name that the vault does not know."""
        asked = request(rest.DrillPassGive, who=who, lasts_seconds=lasts_seconds)
        return self._connection.one(rest.DrillPassInfo, "POST", self._path("passes"), body=asked)

    def end_pass(self, pass_id: str) -> None:
        """Ends a pass, and within some seconds the lines that are open by it."""
        self._connection.call("DELETE", self._path("passes", pass_id))

    async def enter(self, kind: WayKind, *, port: int | None = None, address: str | None = None) -> Line:
        """A line to the machine's serial console, its screen (VNC), or a TCP port of it. Raises Forbidden
        without a pass, and what the appliance says if nothing answers there."""
        asked = {"kind": kind.value, "port": port, "address": address}
        return await lines.opened(self._connection, self._path("way"), asked)

    def _path(self, *parts: str) -> str:
        return path("machines", self._machine, "drill", *parts)
