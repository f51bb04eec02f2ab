"""What somebody was told, and between which writes of a disk it has to be there."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fact:
    """`since` and `until` are positions in the log of the disk that keeps it: it has to survive every cut
    between them. Without `until` it is for ever."""

    disk: str
    kind: str
    key: tuple[str, ...]
    """Which one: ids, by kind."""
    since: int
    wanted: int = 0
    """How many records a point, or the head after a cycle, holds at least."""
    until: int | None = None

    def holds_at(self, position: int) -> bool:
        return self.since <= position and (self.until is None or position <= self.until)

    def __str__(self) -> str:
        return f"{self.kind} {' '.join(self.key)}" + (f" with {self.wanted}" if self.wanted else "")


@dataclass(slots=True)
class Acknowledged:
    """All facts of a walk. What is told again is not noted again."""

    _facts: dict[tuple[str, str, tuple[str, ...]], Fact] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self, disk: str, kind: str, key: tuple[str, ...], since: int, wanted: int = 0, *, ends: bool = False
    ) -> None:
        """With `ends` it may be deleted one day: until `still_there`, only the cut at `since` has to leave
        it."""
        with self._guard:
            fact = Fact(disk, kind, key, since, wanted, since if ends else None)
            self._facts.setdefault((disk, kind, key), fact)

    def still_there(self, fact: Fact, position: int) -> None:
        """It was looked at after this position, and is not given up."""
        fact.until = position

    def of(self, disk: str, kind: str | None = None) -> Iterator[Fact]:
        with self._guard:
            found = list(self._facts.values())
        return (fact for fact in found if fact.disk == disk and kind in (None, fact.kind))

    def at(self, disk: str, position: int) -> list[Fact]:
        """What a cut there has to leave."""
        return [fact for fact in self.of(disk) if fact.holds_at(position)]
