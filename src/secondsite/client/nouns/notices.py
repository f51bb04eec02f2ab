"""Targets of notices."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import EVERY, Connection, path, request


class NoticeTargetHandle:
    """One target, by its name. All calls raise NotFound for an unknown one; a change that is told what the
    caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._path = path("notices", "targets", name)

    def show(self) -> rest.NoticeTarget:
        """The target: what is sent to it, and whether its messages arrive."""
        return self._connection.one(rest.NoticeTarget, "GET", self._path)

    def set(
        self,
        settings: rest.NoticeTargetSettings,
        *,
        secret: str | None = None,
        seen: rest.NoticeTarget | None = None,
    ) -> rest.NoticeTarget:
        """These settings in place of its former ones. Without a secret it keeps its own, as long as it
        stays at the same server."""
        body = _body(rest.NoticeTargetChange, settings, secret=secret)
        return self._connection.one(rest.NoticeTarget, "PUT", self._path, body=body, seen=seen)

    def test(self) -> rest.NoticeTest:
        """Sends it a message now; returns what it answered."""
        return self._connection.one(rest.NoticeTest, "POST", f"{self._path}/test")

    def delete(self, *, seen: rest.NoticeTarget | None = None) -> None:
        """Deletes the target: nothing more is sent to it."""
        self._connection.call("DELETE", self._path, seen=seen)


class NoticeTargets:
    """All targets; `notices["ops"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> NoticeTargetHandle:
        return NoticeTargetHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.NoticeTarget]:
        return iter(self.list())

    def list(self) -> Sequence[rest.NoticeTarget]:
        """All targets, by name."""
        return [*self._connection.pages(rest.NoticeTargetPage, path("notices", "targets"), EVERY)]

    def create(
        self, name: str, settings: rest.NoticeTargetSettings, *, secret: str | None = None
    ) -> rest.NoticeTarget:
        """A new target. Raises AlreadyExists, InvalidArgument."""
        body = _body(rest.NoticeTargetCreate, settings, name=name, secret=secret)
        return self._connection.one(rest.NoticeTarget, "POST", path("notices", "targets"), body=body)


def _body(
    shape: type[rest.NoticeTargetChange], settings: rest.NoticeTargetSettings, **more: str | None
) -> rest.NoticeTargetChange:
    return request(
        shape, **{**settings.model_dump(include=set(rest.NoticeTargetSettings.model_fields)), **more}
    )
