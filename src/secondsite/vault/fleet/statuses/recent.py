"""Things in the order in which they changed last: whoever knows a number asks for what has changed since."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Numbered(NamedTuple, Generic[V]):
    """A thing, and the number of its last change."""

    number: int
    what: V


class Recent(Generic[K, V]):
    """Things by key. Not safe from several threads. With `most`, those that changed longest ago are dropped
    when there are more."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._found: dict[K, Numbered[V]] = {}
        self.known_from = 0
        """Of changes up to this number some were dropped."""

    def put(self, key: K, what: V, number: int) -> None:
        """The thing has changed; numbers never fall."""
        self._found.pop(key, None)
        self._found[key] = Numbered(number, what)
        while self._most is not None and len(self._found) > self._most:
            self.known_from = self._found.pop(next(iter(self._found))).number

    @property
    def newest(self) -> int:
        """The number of the last change; 0: there was none, or all is dropped."""
        last = next(reversed(self._found.values()), None)
        return 0 if last is None else last.number

    def drop(self, key: K) -> None:
        self._found.pop(key, None)

    def get(self, key: K) -> V | None:
        found = self._found.get(key)
        return None if found is None else found.what

    def since(self, number: int) -> Mapping[K, V]:
        """What has changed after that number, the newest first."""
        newest = takewhile(lambda each: each[1].number > number, reversed(self._found.items()))
        return {key: each.what for key, each in newest}

    def values(self) -> Iterator[V]:
        return (each.what for each in self._found.values())

    def __iter__(self) -> Iterator[K]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
