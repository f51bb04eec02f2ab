"""Appliances: our agents beside the sites' hypervisors."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import Connection, path


class ApplianceHandle:
    """One appliance, by its id, or by its name when no other has it. All calls raise NotFound for an unknown one."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.Appliance:
        """The appliance, and whether it is connected."""
        return self._connection.one(rest.Appliance, "GET", path("appliances", self._name))

    def create_registration_key(self, refuse_now: bool = False) -> rest.RegistrationKey:
        """A key that enrolls, within an hour, what takes this appliance's place under its id; its present key counts no more from
        then on, or at once with `refuse_now`. It is shown this once."""
        return self._connection.one(
            rest.RegistrationKey,
            "POST",
            path("appliances", self._name, "registration-key"),
            body=rest.ReplacementKeyCreate(refuse_now=refuse_now),
        )

    def delete(self) -> None:
        """From now on its certificate is refused. Raises NotPossibleNow while a machine needs it."""
        self._connection.call("DELETE", path("appliances", self._name))


class Appliances:
    """All appliances; `appliances["paris-1"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> ApplianceHandle:
        return ApplianceHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Appliance]:
        return iter(self.list())

    def list(self, site: str | None = None) -> Sequence[rest.Appliance]:
        """In the order in which they enrolled."""
        return self._connection.many(rest.Appliance, path("appliances"), {"site": site})

    def enroll(self, asked: rest.EnrollRequest) -> rest.EnrollAnswer:
        """Lets a new appliance in; the registration key counts, not the token. Raises RegistrationRefused."""
        return self._connection.one(rest.EnrollAnswer, "POST", path("enroll"), body=asked)
