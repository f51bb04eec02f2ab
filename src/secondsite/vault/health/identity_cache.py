"""Results of pure functions of an object that never changes, kept as long as the object lives."""

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Kept(weakref.ref[K], Generic[K, V]):
    """A result, and a reference to what it follows from. They are one object, since each machine has ten of
    them: a tuple and a function for each took three times as much, 3 MB more of 1,000 machines."""

    __slots__ = ("derived", "key")
    derived: V
    key: int


class IdentityCache(Generic[K, V]):
    """A pure function whose result is kept for each object, by identity: comparing statuses costs more than
    computing. Safe from any thread: at worst two threads compute the same."""

    def __init__(self, derive: Callable[[K], V]) -> None:
        self._derive = derive
        self._known: dict[int, _Kept[K, V]] = {}
        self._gone = self._forget  # one for all: each look at a method makes one

    def __call__(self, of: K) -> V:
        known = self._known.get(id(of))
        if known is not None and known() is of:
            return known.derived
        return self._keep(of, self._derive(of))

    def same_of(self, of: K, other: K) -> None:
        """The result for `of` is also that for `other`."""
        self._keep(other, self(of))

    def _keep(self, of: K, derived: V) -> V:
        kept: _Kept[K, V] = _Kept(of, self._gone)
        kept.key, kept.derived = id(of), derived
        self._known[kept.key] = kept
        return derived

    def _forget(self, gone: weakref.ref[K]) -> None:
        assert isinstance(gone, _Kept)
        self._known.pop(gone.key, None)
