"""Settings of a pair of sites, whichever way machines move between them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from .....domain import errors
from .....wire.rest.places import SitePair, SitePairChange
from ....store import SitePairRecord, Transaction
from ...parts import Parts
from ...shared.editions import Seen, require


class Pairs:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[SitePair]:
        """All pairs of which the caller sees one site, by name."""
        with self._parts.store.reading() as tx:
            names = sorted(site.name for site in tx.sites.list())
            seen = [pair for pair in combinations(names, 2) if self._parts.sees(*pair)]
            return [_shape(tx.pairs.between(*pair)) for pair in seen]

    def show(self, one: str, other: str) -> SitePair:
        """Raises NotFound, InvalidArgument."""
        with self._parts.store.reading() as tx:
            return _shape(self._existing(tx, one, other))

    def change(self, one: str, other: str, request: SitePairChange, seen: Seen | None = None) -> SitePair:
        """Raises NotFound, InvalidArgument, ChangedMeanwhile."""
        with self._parts.changing() as tx:
            tx.one_at_a_time("sites")
            there = self._existing(tx, one, other)
            before = _shape(there)
            require(seen, before, f"What holds between {before.first} and {before.second}")
            for name in request.settle.keys() - {there.first, there.second}:
                raise errors.InvalidArgument(f"{name} is neither {there.first} nor {there.second}.")
            after = replace(
                there, reverse_after_commit=request.reverse_after_commit, settle=request.settle or None
            )
            tx.pairs.put(after)
            self._parts.note(before, _shape(after))
        return _shape(after)

    def _existing(self, tx: Transaction, one: str, other: str) -> SitePairRecord:
        if one == other:
            raise errors.InvalidArgument("A pair needs two different sites.")
        for name in (one, other):
            if tx.sites.find(name) is None or not self._parts.sees(one, other):
                raise errors.NotFound.named("site", name)
        return tx.pairs.between(one, other)


def _shape(pair: SitePairRecord) -> SitePair:
    return SitePair(
        first=pair.first,
        second=pair.second,
        reverse_after_commit=pair.reverse_after_commit,
        settle=dict(pair.settle or {}),
    )


# A name is used once among a machine's checks, and once among its hooks.


def require_each_once(names: Iterable[str], noun: str) -> None:
    """Raises InvalidArgument if a name is given more than once."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise errors.InvalidArgument(
            f"A {noun} is named more than once: {', '.join(twice)}.", do="Give each a name of its own."
        )
