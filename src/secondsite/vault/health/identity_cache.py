"""Results of pure functions of an object that never changes, kept as long as the object lives."""

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class IdentityCache(Generic[K, V]):
    """A pure function whose result is kept for each object, by identity: comparing statuses costs more than
    computing. Safe from any thread: at worst two threads compute the same."""

    def __init__(self, derive: Callable[[K], V]) -> None:
        self._derive = derive
        self._known: dict[int, tuple[weakref.ref[K], V]] = {}

    def __call__(self, of: K) -> V:
        known = self._known.get(id(of))
        if known is not None and known[0]() is of:
            return known[1]
        return self._keep(of, self._derive(of))

    def same_of(self, of: K, other: K) -> None:
        """The result for `of` is also that for `other`."""
        self._keep(other, self(of))

    def _keep(self, of: K, derived: V) -> V:
        key = id(of)
        self._known[key] = weakref.ref(of, lambda _gone: self._known.pop(key, None)), derived
        return derived
