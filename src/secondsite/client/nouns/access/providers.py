"""Providers of OpenID Connect."""

from collections.abc import Iterator, Sequence

from ....wire import rest
from ...connection import Connection, path, request


class ProviderHandle:
    """One provider, by name. All calls raise NotFound for an unknown one; a change that is told what the
    caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._path = path("log-in", "providers", name)

    def show(self) -> rest.Provider:
        """The provider, without its secret."""
        return self._connection.one(rest.Provider, "GET", self._path)

    def set(
        self,
        settings: rest.ProviderSettings,
        *,
        secret: str | None = None,
        seen: rest.Provider | None = None,
    ) -> rest.Provider:
        """These settings in place of its former ones; without a secret it keeps its own. Sessions of whoever
        came from it end. Raises InvalidArgument."""
        body = _body(rest.ProviderChange, settings, secret=secret)
        return self._connection.one(rest.Provider, "PUT", self._path, body=body, seen=seen)

    def test(self) -> rest.ProviderTest:
        """Asks it what it says of itself, and for its keys."""
        return self._connection.one(rest.ProviderTest, "POST", f"{self._path}/test")

    def delete(self, *, seen: rest.Provider | None = None) -> None:
        """Deletes the provider, and the people who come from it."""
        self._connection.call("DELETE", self._path, seen=seen)


class Providers:
    """All providers; `providers["staff"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> ProviderHandle:
        return ProviderHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Provider]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Provider]:
        """All providers, by name."""
        return self._connection.many(rest.Provider, path("log-in", "providers"))

    def create(self, name: str, settings: rest.ProviderSettings, *, secret: str) -> rest.Provider:
        """A new provider, which the log-in shows from now on. Raises AlreadyExists, InvalidArgument."""
        body = _body(rest.ProviderCreate, settings, name=name, secret=secret)
        return self._connection.one(rest.Provider, "POST", path("log-in", "providers"), body=body)


def _body(
    shape: type[rest.ProviderChange | rest.ProviderCreate],
    settings: rest.ProviderSettings,
    **more: str | None,
) -> rest.ProviderSettings:
    given = settings.model_dump(include=set(rest.ProviderSettings.model_fields))
    return request(shape, **{**given, **more})
