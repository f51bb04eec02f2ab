"""Sites: places with hypervisors."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ...wire.common.bandwidth import BandwidthShape, WindowShape
from ...wire.rest.preflights import ApplianceCandidates, Preflight
from ...wire.rest.verification import CopyNetwork, VerificationShape
from ..connection import EVERY, Connection, path, request


class SiteHandle:
    """One site, by its name. All calls raise NotFound for an unknown one; a change that is told what the
    caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.Site:
        """The site, and how fast it may send."""
        return self._connection.one(rest.Site, "GET", path("sites", self._name))

    def delete(self, *, seen: rest.Site | None = None) -> None:
        """Deletes the site. Raises NotPossibleNow while it has appliances, machines under protection or
        mappings."""
        self._connection.call("DELETE", path("sites", self._name), seen=seen)

    def limit(
        self,
        bytes_per_second: int | None = None,
        *,
        windows: Sequence[WindowShape] = (),
        utc_offset_minutes: int = 0,
        seen: rest.Site | None = None,
    ) -> rest.Site:
        """How fast the site may send from now on, all machines together; None: no limit. In a window, by the
        site's time of day, its rate applies instead; if several windows are open, the first. Replaces the
        former limit."""
        body = request(
            BandwidthShape,
            bytes_per_second=bytes_per_second,
            windows=tuple(windows),
            utc_offset_minutes=utc_offset_minutes,
        )
        return self._connection.one(
            rest.Site, "PUT", path("sites", self._name, "bandwidth"), body=body, seen=seen
        )

    def verify(
        self,
        *,
        every_days: int = 0,
        at_once: int = 1,
        memory_bytes: int | None = None,
        begins: str = "00:00",
        ends: str = "24:00",
        network: CopyNetwork = "none",
        seen: rest.Site | None = None,
    ) -> rest.Site:
        """What the site gives to copies of recovery points that are booted only to be looked at: how many run
        at once, their memory in total, and every how many days each machine is looked at (0: on demand only),
        between two times of day (UTC). Replaces the former settings."""
        body = request(
            VerificationShape,
            every_days=every_days,
            at_once=at_once,
            memory_bytes=memory_bytes,
            begins=begins,
            ends=ends,
            network=network,
        )
        return self._connection.one(
            rest.Site, "PUT", path("sites", self._name, "verification"), body=body, seen=seen
        )

    def inventory(self) -> rest.SiteInventory:
        """All its machines as they are now; if the site cannot be asked, those that it had, and why."""
        return self._connection.one(rest.SiteInventory, "GET", path("sites", self._name, "inventory"))

    def preflight(
        self,
        machine: str,
        target: str,
        *,
        target_appliance: str | None = None,
        encrypt: bool = False,
        apart: str | None = None,
        together: str | None = None,
    ) -> Preflight:
        """What would be in the way of protecting this machine of the site. Raises NotFound, and
        AlreadyExists if it is protected. `apart`: the word of machines from which it would be kept apart;
        `together`: of those to whose host it would go."""
        query = {
            "target": target,
            "target_appliance": target_appliance,
            "encrypt": encrypt or None,
            "apart": apart,
            "together": together,
        }
        where = path("sites", self._name, "machines", machine, "preflight")
        return self._connection.one(Preflight, "GET", where, query)

    def appliances_for(self, machine: str, target: str, *, encrypt: bool = False) -> ApplianceCandidates:
        """Which appliances of site `target` could hold the replica of this machine of the site, and why
        others do not fit. Raises NotFound, and AlreadyExists if it is protected."""
        query = {"target": target, "encrypt": encrypt or None}
        where = path("sites", self._name, "machines", machine, "appliances")
        return self._connection.one(ApplianceCandidates, "GET", where, query)

    def create_registration_key(self) -> rest.RegistrationKey:
        """A key that enrolls one appliance within an hour. It is shown only in this answer."""
        return self._connection.one(
            rest.RegistrationKey, "POST", path("sites", self._name, "registration-key")
        )


class Sites:
    """All sites; `sites["paris"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> SiteHandle:
        return SiteHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Site]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Site]:
        """All sites, by name."""
        return [*self._connection.pages(rest.SitePage, path("sites"), EVERY)]

    def create(self, name: str) -> rest.Site:
        """A new site. Raises AlreadyExists."""
        return self._connection.one(
            rest.Site, "POST", path("sites"), body=request(rest.SiteCreate, name=name)
        )
