"""Appliances: our agents beside the sites' hypervisors."""

from collections.abc import Callable, Iterator, Sequence

from ...wire import rest
from ...wire.rest.places import DrainedAppliance
from ...wire.rest.preflights import ApplianceCheck
from ..connection import Connection, path


def _nobody(_part: rest.Adoption) -> None:
    pass


def _joined(one: rest.Adoption, other: rest.Adoption) -> rest.Adoption:
    missing = (*one.missing, *(each for each in other.missing if each not in one.missing))
    return one.model_copy(
        update={
            "settings": (*one.settings, *other.settings), "machines": (*one.machines, *other.machines),
            "missing": missing, "following": other.following,
        }
    )  # fmt: skip


class ApplianceHandle:
    """One appliance, by its id, or by its name when no other has it. All calls raise NotFound for an
    unknown one."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.Appliance:
        """The appliance, and whether it is connected."""
        return self._connection.one(rest.Appliance, "GET", path("appliances", self._name))

    def check(self) -> ApplianceCheck:
        """Whether machines start at its host, and can be viewed there: it tries that with one of its own.
        Raises ApplianceUnreachable, DeadlineExceeded."""
        return self._connection.one(ApplianceCheck, "GET", path("appliances", self._name, "check"))

    def create_registration_key(self, refuse_now: bool = False) -> rest.RegistrationKey:
        """Creates a key that enrolls, within an hour, the appliance that takes this one's place under its id.
        Its present key is refused from then on, or at once with `refuse_now`. The key is shown only in this
        answer."""
        return self._connection.one(
            rest.RegistrationKey,
            "POST",
            path("appliances", self._name, "registration-key"),
            body=rest.ReplacementKeyCreate(refuse_now=refuse_now),
        )

    def drain(self) -> DrainedAppliance:
        """Nothing new is placed there from now on, and a job has other hosts take over what lies there in
        stores that they reach; the rest is replicated and started as before."""
        return self._connection.one(DrainedAppliance, "PUT", path("appliances", self._name, "drain"))

    def resume(self) -> rest.Appliance:
        """Ends the drain."""
        return self._connection.one(rest.Appliance, "DELETE", path("appliances", self._name, "drain"))

    def adopt(
        self,
        *,
        dry_run: bool = False,
        other_site: str | None = None,
        told: Callable[[rest.Adoption], None] = _nobody,
    ) -> rest.Adoption:
        """Take over what it has of a vault that is gone; with `dry_run` nothing is changed. Harmless when
        repeated. `told` is called with each portion. Raises ApplianceUnreachable."""
        whole, after = None, ""
        while True:
            asked = rest.AdoptionRequest(
                dry_run=dry_run, after=after, **({"other_site": other_site} if other_site else {})
            )
            part = self._connection.one(
                rest.Adoption, "POST", path("appliances", self._name, "adopt"), body=asked
            )
            told(part)
            whole = part if whole is None else _joined(whole, part)
            if part.following is None:
                return whole
            after = part.following

    def delete(self) -> None:
        """Deletes the appliance, whose certificate is refused from then on. Raises NotPossibleNow while a
        machine needs it."""
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
        """Appliances, in the order in which they enrolled."""
        return self._connection.many(rest.Appliance, path("appliances"), {"site": site})

    def enroll(self, asked: rest.EnrollRequest) -> rest.EnrollAnswer:
        """Enrolls an appliance, with the registration key in `asked` and without the token. Raises
        RegistrationRefused."""
        return self._connection.one(rest.EnrollAnswer, "POST", path("enroll"), body=asked)
